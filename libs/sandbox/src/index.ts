export { checkChange } from './change/change.ts';
export { type CleanEnd, runClean } from './change/clean.ts';
export { type ExtractResult, gitPattern } from './change/extract.ts';
export type { Engine, SandboxEvent, SandboxesSettings } from './engine/engine.ts';
export { AGENT, type Mount } from './engine/hardening.ts';
export { removeTree } from './engine/host.ts';
export { DEFAULT_LIMITS, type Limits } from './engine/limits.ts';
export { openSandboxes, type Sandbox, type Sandboxes } from './engine/sandboxes.ts';
export type { Archived } from './workspace/archive.ts';
export { listCheckout, readCheckout } from './workspace/base.ts';
export { overlayOptions } from './workspace/overlay.ts';
export {
  BASE_AT,
  type Checkout,
  type Layer,
  type OpenOptions,
  type Refused,
  type Snapshot,
} from './workspace/sandbox.ts';
