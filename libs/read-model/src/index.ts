export { openReadModel, type ReadModel } from './read-model.ts';
export type { LineAt, TrailFilter, TrailPage } from './trail-page.ts';
