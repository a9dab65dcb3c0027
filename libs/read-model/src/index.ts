export { moveOpen } from './kinds.ts';
export type { Listed, ListPage } from './list-page.ts';
export type { Drawn } from './projection.ts';
export { type Hearing, openReadModel, type ReadModel } from './read-model.ts';
export type { Named } from './slice.ts';
export type { LineAt, TrailFilter, TrailPage } from './trail-page.ts';
