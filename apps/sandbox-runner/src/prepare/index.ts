export { evict } from './layers.ts';
export {
  createPrepare,
  type Prepare,
} from './prepare.ts';
