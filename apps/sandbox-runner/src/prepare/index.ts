export {
  createPrepare,
  type Prepare,
} from './prepare.ts';
