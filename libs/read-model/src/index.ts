export type { Listed } from './list-page.ts';
export { openReadModel, type ReadModel } from './read-model.ts';
export type { LineAt, TrailFilter, TrailPage } from './trail-page.ts';
