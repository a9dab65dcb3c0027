export type { Archived } from './archive.ts';
export { listCheckout, readCheckout } from './base.ts';
export { checkChange } from './change.ts';
export type { Engine, SandboxEvent, SandboxesSettings } from './engine.ts';
export type { ExtractResult } from './extract.ts';
export type { Limits } from './limits.ts';
export type { Checkout, Layer, OpenOptions, Refused, Snapshot } from './sandbox.ts';
export { openSandboxes, type Sandbox, type Sandboxes } from './sandboxes.ts';
