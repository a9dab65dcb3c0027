export { WORKING } from './working.ts';
