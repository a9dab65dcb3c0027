import { type Digest, printedSecrets, retryable, terminal } from '@millwright/domain';
import type { Store } from '@millwright/store';
import { digestOf } from './database.ts';
import type { Outside } from './outside.ts';

const MICRO = 1_000_000;
const micro = (usd: number) => Math.ceil(usd * MICRO - 1e-6);

/** What lies beside the trail, as a process reaches it. */
export function storeOf(outside: Outside, role: 'orchestrator' | 'runner'): Store {
  const { database, network } = outside;
  const away = (why: string) => retryable('store-unreachable', why);
  const ask = <T>(work: () => T) => network.call('database', { away, work });
  const act = <T>(work: () => T) => network.call('database', { changes: true, away, work });
  const forbidden = () => {
    throw terminal('store-forbidden', `not for the role ${role}`);
  };
  return {
    artifacts: {
      put: async (bytes) => {
        await act(() => database.put(bytes));
        return digestOf(bytes);
      },
      get: (digest: Digest) =>
        ask(() => {
          const bytes = database.artifacts.get(digest);
          if (bytes === undefined) throw terminal('artifact-missing', `there is no artifact ${digest}`);
          return bytes;
        }),
      has: (digest) => ask(() => database.artifacts.has(digest)),
    },
    budget: {
      reserve: (key, scopes, usd) =>
        act(() => {
          const done = database.reserve(key, scopes, micro(usd));
          return done.kind === 'refused' ? { ...done, left: done.left / MICRO } : done;
        }),
      settle: (key, usd) => act(() => database.settle(key, micro(usd))),
      settleDead: () => act(() => database.settleDead()),
      billedTo: (attempt) => act(() => database.billedTo(attempt) / MICRO),
      setCap: (scope, usd) =>
        act(() => {
          database.budget(scope).cap = usd === null ? null : micro(usd);
        }),
      list: ({ scopes } = {}) =>
        ask(() =>
          [...database.budgets]
            .filter(([scope]) => scopes === undefined || scopes.includes(scope))
            .map(([scope, { cap, spent, overrun, reserved }]) => ({
              scope,
              capUsd: cap === null ? null : cap / MICRO,
              spentUsd: spent / MICRO,
              overrunUsd: overrun / MICRO,
              reservedUsd: reserved / MICRO,
            })),
        ),
    },
    people: {
      bootstrap: async () => undefined,
      invite: forbidden,
      accept: forbidden,
      rotate: forbidden,
      erase: forbidden,
      byToken: forbidden,
      list: forbidden,
    },
    notes: {
      say: (key, text) =>
        act(() => {
          if (text === null) database.notes.delete(key);
          else database.notes.set(key, text);
        }),
      list: (prefix) =>
        ask(() =>
          [...database.notes]
            .filter(([key]) => key.startsWith(prefix))
            .map(([key, text]) => ({ key, text, at: 0 })),
        ),
    },
    secretFinder: async () => printedSecrets([], () => ''),
    idempotency: {
      claim: (scope, key, value) =>
        act(() => {
          const known = database.idempotency.get(`${scope}/${key}`) ?? value;
          database.idempotency.set(`${scope}/${key}`, known);
          return known;
        }),
    },
    sweep: async () => 0,
    size: async () => ({ database: 0, artifacts: 0 }),
    ping: () => ask(() => undefined),
    close: async () => undefined,
  };
}
