/** Who git writes as the author and committer of a commit, and when: the same again for the same instant. */
export const identity = (atMs: number): Record<string, string> => {
  const date = `@${Math.floor(atMs / 1_000)} +0000`;
  return {
    GIT_AUTHOR_NAME: 'Millwright',
    GIT_AUTHOR_EMAIL: 'millwright@localhost',
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: 'Millwright',
    GIT_COMMITTER_EMAIL: 'millwright@localhost',
    GIT_COMMITTER_DATE: date,
  };
};
