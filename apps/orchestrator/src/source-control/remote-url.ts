import { isAbsolute } from 'node:path';

export type RemoteUrl = { kind: 'url'; url: string; local: boolean } | { kind: 'refused'; reason: string };

const refused = (reason: string): RemoteUrl => ({ kind: 'refused', reason });

/** The trail keeps an address for good, and everybody who may list repositories reads it. */
const WITH_TOKEN =
  'would be kept for good and shown to everybody; give the address without it and the token on stdin: --with-token';

/**
 * Which addresses the factory fetches from and pushes to: an absolute path, `file://`, `https://`, `ssh://` and `user@host:path`.
 * Everything else, `ext::` above all (it runs a command), is refused here and again by git's own GIT_ALLOW_PROTOCOL. An address has no
 * place for a token: nothing stands before an https host, no password before an ssh host, and no query or fragment at the end.
 */
export function remoteUrl(text: string): RemoteUrl {
  if ([...text].some((c) => c < ' ' || c === '\x7f')) return refused('the address has a control character');
  if (text.startsWith('-')) return refused('an address does not start with -');
  if (isAbsolute(text)) return { kind: 'url', url: text, local: true };
  if (/^[a-z0-9+.-]+::/i.test(text))
    return refused(
      `the protocol ${text.split('::')[0]}:: is not allowed; use a path, https://, ssh:// or file://`,
    );
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return scpLike(text);
  if (!['https', 'ssh', 'file'].includes(scheme) || !URL.canParse(text))
    return refused(
      ['https', 'ssh', 'file'].includes(scheme)
        ? 'this is no address that can be read'
        : `the protocol ${scheme} is not allowed; use a path, https://, ssh:// or file://`,
    );
  const { username, password, search, hash, host, pathname } = new URL(text);
  if (password !== '') return refused(`a password in an address ${WITH_TOKEN}`);
  if (username !== '' && scheme === 'https') return refused(`what stands before the host ${WITH_TOKEN}`);
  if ((search !== '' || hash !== '' || /[?#]/.test(text)) && scheme !== 'file')
    return refused(`what follows ? or # in an address ${WITH_TOKEN}`);
  const rest = text.slice(text.indexOf('://'));
  if (scheme === 'file')
    return host === '' && username === ''
      ? { kind: 'url', url: `file${rest}`, local: true }
      : refused('a file:// address names no host');
  if (host === '' || pathname.length < 2) return refused('the address names no repository');
  return { kind: 'url', url: `${scheme}${rest}`, local: false };
}

/** `git@host:team/x.git`. */
function scpLike(text: string): RemoteUrl {
  if (/^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^:?#]+$/.test(text)) return { kind: 'url', url: text, local: false };
  if (/^[^/]*:[^/]*@/.test(text)) return refused(`a password in an address ${WITH_TOKEN}`);
  if (/^[^/]+@[^/]+:[^?#]*[?#]/.test(text)) return refused(`what follows ? or # in an address ${WITH_TOKEN}`);
  const scheme = /^([a-z0-9+.-]+):/i.exec(text)?.[1];
  return refused(
    scheme
      ? `the protocol ${scheme} is not allowed; use a path, https://, ssh:// or file://`
      : 'not an absolute path and not an https://, ssh:// or file:// address',
  );
}

/** An address as it may be said: without what a person put before its host or behind its path. */
export const withoutSecrets = (address: string): string =>
  address
    .replace(/^([a-z0-9+.-]*:\/\/)[^/]*@/i, '$1…@')
    .replace(/^[^/@]*:[^/@]*@/, '…@')
    .replace(/[?#].*$/s, '?…');
