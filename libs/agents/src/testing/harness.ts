import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, Role, SpecOf } from '@millwright/domain';
import { Breaker } from '../model/breaker.ts';
import { AnthropicClient } from '../model/client.ts';
import type { RunRoleOptions } from '../options.ts';
import { parseScript, type RecordedServer, startRecorded } from '../recorded/index.ts';
import { FolderWorkspace, MemoryBudget, MemoryTurns } from './doubles.ts';
import { specOf } from './specs.ts';

export const realClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
  },
};

export type Harness = {
  server: RecordedServer;
  workspace: FolderWorkspace;
  turns: MemoryTurns;
  budget: MemoryBudget;
  options<R extends Role>(
    role: R,
    over?: Partial<RunRoleOptions<R>>,
    spec?: Record<string, unknown>,
  ): RunRoleOptions<R>;
  [Symbol.asyncDispose](): Promise<void>;
};

/** A recorded model with this script, and a workspace, log and budget to run a role against it. */
export async function harness(
  script: string,
  given: {
    files?: Record<string, string>;
    stallMs?: number;
    cap?: number;
    key?: string;
    context?: number;
  } = {},
): Promise<Harness> {
  const server = await startRecorded({
    conversations: parseScript(script, 'test'),
    key: given.key ?? null,
    ...(given.context === undefined ? {} : { context: given.context }),
  });
  const workspace = await FolderWorkspace.make(given.files);
  const turns = new MemoryTurns();
  const budget = new MemoryBudget(given.cap);
  const client = new AnthropicClient({
    apiKey: 'test-key',
    baseUrl: server.url,
    stallMs: given.stallMs ?? 5_000,
  });
  return {
    server,
    workspace,
    turns,
    budget,
    options: <R extends Role>(
      role: R,
      over: Partial<RunRoleOptions<R>> = {},
      spec: Record<string, unknown> = {},
    ) => ({
      spec: specOf(role, spec) as SpecOf<R>,
      materials: { advice: [], diff: 'diff --git a/a b/a' },
      models: [`recorded/${role}`],
      effort: 'medium',
      client,
      workspace,
      turns,
      budget,
      scopes: ['factory'],
      fence: 1,
      clock: realClock,
      breaker: new Breaker(realClock),
      signal: new AbortController().signal,
      chance: () => 0,
      settings: { retry: { tries: 4, baseMs: 1, maxMs: 4, maxRetryAfterMs: 5_000 }, root: '/workspace' },
      ...over,
    }),
    async [Symbol.asyncDispose]() {
      await server.close();
      await workspace.remove();
    },
  };
}
