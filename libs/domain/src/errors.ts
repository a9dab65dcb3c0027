/** What a driver does with a thrown error: give up, try again (after `retryAfterMs`), or stop quietly because somebody else goes on. */
export class DriveError extends Error {
  readonly disposition: 'terminal' | 'retryable' | 'cancelled';
  readonly code: string;
  readonly retryAfterMs: number | undefined;

  constructor(
    disposition: 'terminal' | 'retryable' | 'cancelled',
    code: string,
    message: string,
    options: { retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DriveError';
    this.disposition = disposition;
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}

export const terminal = (code: string, message: string, cause?: unknown) =>
  new DriveError('terminal', code, message, { cause });
export const retryable = (code: string, message: string, retryAfterMs?: number, cause?: unknown) =>
  new DriveError('retryable', code, message, {
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    cause,
  });
export const cancelled = (code: string, message: string) => new DriveError('cancelled', code, message);
