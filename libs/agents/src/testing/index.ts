export { harness } from './harness.ts';
export { WORKING } from './working.ts';
