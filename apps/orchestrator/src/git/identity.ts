export const WHO = { name: 'Millwright', email: 'millwright@localhost' } as const;

/** Who git writes as the author and committer of a commit, and when: the same again for the same instant. */
export const identity = (atMs: number): Record<string, string> => {
  const date = `@${Math.floor(atMs / 1_000)} +0000`;
  return {
    GIT_AUTHOR_NAME: WHO.name,
    GIT_AUTHOR_EMAIL: WHO.email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: WHO.name,
    GIT_COMMITTER_EMAIL: WHO.email,
    GIT_COMMITTER_DATE: date,
  };
};
