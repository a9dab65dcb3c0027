// How what was asked of a target ended.

export type FailureCode =
  | 'bad_config'
  | 'secret_missing'
  | 'port_in_use'
  | 'image_missing'
  | 'digest_mismatch'
  | 'layer_refused'
  | 'release_missing'
  | 'start_failed'
  | 'proxy_down'
  | 'cannot_go_back'
  | 'command_failed'
  | 'engine';

/** A failure that callers act on. `reason` is a sentence for a person. */
export type Failure = { readonly kind: 'failed'; readonly code: FailureCode; readonly reason: string };
export type Done = { readonly kind: 'done' };
export const done: Done = { kind: 'done' };
export const failure = (code: FailureCode, reason: string): Failure => ({ kind: 'failed', code, reason });
