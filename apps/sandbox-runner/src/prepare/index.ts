export {
  createPrepare,
  type Prepare,
  type Prepared,
  type PrepareOptions,
  type PrepareSettings,
} from './prepare.ts';
