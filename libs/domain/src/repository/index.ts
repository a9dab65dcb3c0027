export * from './autonomy.ts';
export { repositoryDecider } from './decide.ts';
