export { gitPattern } from './change/extract.ts';
export type { Engine } from './engine/engine.ts';
export { AGENT, type Mount } from './engine/hardening.ts';
export { removeTree } from './engine/host.ts';
export { DEFAULT_LIMITS } from './engine/limits.ts';
export { openSandboxes, type Sandbox, type Sandboxes } from './sandboxes.ts';
export { type CleanEnd, runClean } from './tool-process/clean.ts';
export type { Archived } from './workspace/archive.ts';
export { listCheckout, readCheckout } from './workspace/base.ts';
export { overlayOptions } from './workspace/overlay.ts';
export {
  BASE_AT,
  type Checkout,
  type Layer,
} from './workspace/sandbox.ts';
