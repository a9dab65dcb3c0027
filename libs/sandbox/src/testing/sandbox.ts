import type { Sandbox, Sandboxes } from '../sandboxes.ts';
import type { Checkout, OpenOptions } from '../workspace/sandbox.ts';

export const within = { timeoutMs: 60_000, maxBytes: 65_536 };

/** Opens a sandbox, works in it, destroys it whatever happens. */
export async function withSandbox(
  sandboxes: Sandboxes,
  checkout: Checkout,
  options: Partial<OpenOptions>,
  work: (sandbox: Sandbox) => Promise<void>,
): Promise<void> {
  const result = await sandboxes.open({
    run: 'run_1',
    attempt: 'att_1',
    purpose: 'test',
    checkout,
    ...options,
  });
  if (result.kind === 'refused') throw new Error(`${result.code}: ${result.reason}`);
  try {
    await work(result.sandbox);
  } finally {
    await result.sandbox.destroy();
  }
}
