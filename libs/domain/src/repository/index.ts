export * from './autonomy.ts';
export { type RepositoryState, repositoryDecider } from './decide.ts';
