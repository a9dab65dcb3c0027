export * from './autonomy.ts';
export { type RepositoryState, repositoryDecider, unitAfter } from './decide.ts';
