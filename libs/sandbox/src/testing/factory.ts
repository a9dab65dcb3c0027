import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SandboxEvent } from '../engine/engine.ts';
import { openSandboxes, type Sandboxes } from '../sandboxes.ts';

const TEST_IMAGE = process.env.MILLWRIGHT_SANDBOX_IMAGE ?? 'millwright/sandbox:latest';
let made = 0;

/** Sandboxes of a throw-away factory, with what they noted. `end` leaves nothing behind. */
export async function testSandboxes(
  over: {
    data?: string;
    factory?: string;
    incarnation?: string;
    cleanUp?: 'awaited' | 'behind';
    overFrom?: number;
    stalledMs?: () => number | null;
  } = {},
): Promise<{
  sandboxes: Sandboxes;
  data: string;
  factory: string;
  events: SandboxEvent[];
  end(): Promise<void>;
}> {
  made += 1;
  const data = over.data ?? (await mkdtemp(join(tmpdir(), 'millwright-sandboxes-')));
  const factory = over.factory ?? `test-${process.pid}-${made}-${Math.random().toString(36).slice(2, 8)}`;
  const events: SandboxEvent[] = [];
  const sandboxes = await openSandboxes({
    data,
    factory,
    incarnation: over.incarnation ?? `${factory}-a`,
    image: TEST_IMAGE,
    cleanUp: over.cleanUp ?? 'awaited',
    ...(over.overFrom === undefined ? {} : { overFrom: over.overFrom }),
    // What a limit ends is not to depend on how busy the machine is.
    stalledMs: over.stalledMs ?? (() => null),
    note: (event) => events.push(event),
  });
  return {
    sandboxes,
    data,
    factory,
    events,
    async end() {
      await sandboxes.close();
      await rm(data, { recursive: true, force: true });
    },
  };
}
