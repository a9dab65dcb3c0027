export { hiddenIn } from '@millwright/domain';
export * from './acts.ts';
export * from './client.ts';
export * from './errors.ts';
export * from './figures.ts';
export { openApi } from './openapi.ts';
export * from './routes.ts';
export * from './schemas.ts';
