/** The secret of a repository that git is given for its https address. Never a released container's. */
export const GIT_TOKEN = 'GIT_TOKEN';

/**
 * The environment in which git answers a server's question for a password with `token`: a credential helper for this one scheme, host
 * and port (gitcredentials(7)), so that a redirect to another host is told nothing, and no argument or file holds the token. The user is
 * the one in the address, else `x-access-token`; GitHub, GitLab and Gitea take any name beside a token. Empty for other schemes.
 */
export function credentialEnvironment(url: string, token: string | null): Record<string, string> {
  if (token === null || !url.startsWith('https://')) return {};
  const { origin, username } = new URL(url);
  const settings: [key: string, value: string][] = [
    ['credential.helper', ''], // forgets every other helper
    [
      `credential.${origin}.helper`,
      '!f() { test "$1" = get && printf "password=%s\\n" "$MILLWRIGHT_GIT_TOKEN"; }; f',
    ],
    ...(username === '' ? ([[`credential.${origin}.username`, 'x-access-token']] as [string, string][]) : []),
  ];
  return {
    MILLWRIGHT_GIT_TOKEN: token,
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(
      settings.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  };
}
