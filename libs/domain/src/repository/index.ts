export * from './autonomy.ts';
export { type ForgePlace, placeAfter, type RepositoryState, repositoryDecider, unitAfter } from './decide.ts';
