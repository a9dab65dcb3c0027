import type { RollbackView } from '@millwright/api';
import type { Clock, Entry, ReleaseId } from '@millwright/domain';
import { type Journal, type RunConfig, rollback, type Target, type TargetState } from '@millwright/rollback';
import { journalIn, OfflineJournal } from './offline-journal.ts';
import {
  type CachedRelease,
  type RollbackCache,
  readRollbackCaches,
  writeRollbackCache,
} from './rollback-cache.ts';

// Going back by hand while the database is away and nobody can sign in: whoever may read and write the factory's own folder on its own machine
// may do it. It goes by what lies beside the target, and by the target itself; what it did is handed in beside the trail, and the factory takes
// it over (branch and quarantine follow) before it does anything else to that target.

export type Asked = {
  readonly repo: string | null;
  readonly release: string | null;
  readonly dryRun: boolean;
  readonly reason: string;
};
export type Place = {
  /** The orchestrator's folder. */
  readonly data: string;
  readonly target: (repo: RollbackCache['repo'], run: RunConfig) => Target;
  /** Values of secrets, by name: the database holds the factory's own. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Said on the trail: there is no person's id. */
  readonly who: string;
};
export type Offline =
  | { readonly kind: 'done' | 'planned'; readonly view: RollbackView }
  | { readonly kind: 'refused'; readonly exitCode: 1 | 2; readonly reason: string; readonly next: string };

const refused = (reason: string, next: string, exitCode: 1 | 2 = 1): Offline => ({
  kind: 'refused',
  exitCode,
  reason,
  next,
});

/** Rejects where the target or the folder cannot be read at all. */
export async function rollBackOffline(place: Place, asked: Asked): Promise<Offline> {
  const caches = await readRollbackCaches(place.data);
  const cache =
    caches.find((each) => each.repo === asked.repo) ?? (asked.repo === null ? caches[0] : undefined);
  const names = caches.map((each) => each.repo);
  if (cache === undefined)
    return refused(
      asked.repo === null ? `nothing was deployed from ${place.data}` : `there is no target ${asked.repo}`,
      names.length === 0 ? 'name the folder: --data DIR' : `one of: --repo ${names.join(', --repo ')}`,
    );
  if (asked.repo === null && caches.length > 1)
    return refused(`there are ${caches.length} targets`, `name one: --repo ${names.join(' or --repo ')}`, 2);
  const [live] = cache.releases;
  if (live === undefined) throw new Error('a rollback cache holds one release at least');
  // The commands that brought what is live there are those that take it back.
  const target = place.target(cache.repo, runOf(live, place.env));
  const state = await target.state();
  const to = goal(cache, state, asked.release);
  if (typeof to === 'string')
    return refused(to, `one of: ${cache.releases.map(({ ref }) => ref.id).join(', ')}`);
  const { id } = to.ref;
  const replicas = state.releases.find((each) => each.id === id)?.replicas ?? [];
  const warm = replicas.some((each) => each.running);
  const missing = to.config.secrets.filter((name) => !place.env[name]);
  if (missing.length > 0 && (to.config.target === 'command' || !warm))
    return refused(
      `${id} is to be started, and the database holds the values of ${missing.join(', ')}`,
      `give them in the environment of the same command: ${missing.map((name) => `${name}=…`).join(' ')}`,
    );
  const available = warm ? null : await target.available(to.ref);
  if (available?.kind === 'failed')
    return refused(`${id} cannot be gone back to: ${available.reason}`, 'another one, by its id');
  const from = [...state.serving.keys()].find((each) => each !== id) ?? live.ref.id;
  const view = { repo: cache.repo, from, to: id, ms: 0, revert: null, plan: null };
  if (asked.dryRun)
    return {
      kind: 'planned',
      view: {
        ...view,
        done: false,
        text: `traffic of ${cache.repo} goes from ${from} to ${id}, without the factory`,
      },
    };
  return go(place, { cache, to, from, target, state, view, reason: asked.reason });
}

const runOf = ({ config }: CachedRelease, env: Place['env']): RunConfig => ({
  config,
  secrets: Object.fromEntries(config.secrets.map((name) => [name, env[name] ?? ''])),
  replicas: 1,
});

/** The one named; else what is live, where something newer has traffic (a canary that nobody watches); else the next older one. */
function goal(cache: RollbackCache, { serving }: TargetState, named: string | null): CachedRelease | string {
  if (named !== null) {
    const to = cache.releases.find(({ ref }) => ref.id === named);
    return to ?? `${named} is not one that can be gone back to without the factory`;
  }
  const places = [...serving.keys()].map((id) => cache.releases.findIndex(({ ref }) => ref.id === id));
  const newest = Math.min(...places, cache.releases.length);
  return (
    cache.releases[newest === cache.releases.length ? 0 : newest + 1] ??
    'there is no older release to go back to'
  );
}

type Return = {
  cache: RollbackCache;
  to: CachedRelease;
  from: ReleaseId;
  target: Target;
  state: TargetState;
  view: Omit<RollbackView, 'done' | 'text'>;
  reason: string;
};

async function go(place: Place, cache: Return): Promise<Offline> {
  const offlineJournal = OfflineJournal.open(journalIn(place.data), place.clock);
  try {
    return await switchBack(place, cache, offlineJournal);
  } finally {
    offlineJournal.close();
  }
}

async function switchBack(
  { data, clock, env, who }: Place,
  { cache, to, from, target, state, view, reason }: Return,
  offlineJournal: OfflineJournal,
): Promise<Offline> {
  const fence = state.fence + 1;
  const say = async (entry: Entry) => offlineJournal.write(cache.repo, entry);
  const journal: Journal = {
    started: ({ key, effect, release }) =>
      say({ type: 'target.effect-started', data: { key, effect, release, fence } }),
    finished: ({ key, effect, release }, result, how) =>
      say({
        type: 'target.effect-finished',
        data: { key, effect, release, result, reason: how.slice(0, 4_000) },
      }),
  };
  const [live] = cache.releases;
  // What goes back is a canary where it goes to what is live.
  const canary = live?.ref.id === to.ref.id && from !== to.ref.id ? from : null;
  const why = `offline, ${who}: ${reason}`.slice(0, 4_000);
  await say({
    type: 'rollback.asked',
    data: { to: canary === null ? to.ref.id : null, canary, reason: why },
  });
  const result = await rollback(target, { to: to.ref, run: runOf(to, env), fence, journal, clock });
  if (result.kind === 'fenced')
    return refused(
      `another deploy or rollback took the target of ${cache.repo} at this moment, and goes on`,
      'look, and try again',
    );
  if (result.kind !== 'switched')
    return refused(`${result.reason}\n${result.evidence}`, result.stuck?.what ?? 'try another release');
  if (live !== undefined && live.ref.id !== to.ref.id) {
    await say({
      type: 'target.released',
      data: {
        release: to.ref.id,
        previous: live.ref.id,
        fence,
        by: 'rollback',
        artifact: to.artifact,
        reason: why,
      },
    });
    await writeRollbackCache(data, { ...cache, releases: cache.releases.slice(cache.releases.indexOf(to)) });
  }
  const seen = result.verified.kind === 'verified' ? '' : `; but look at it: ${result.verified.reason}`;
  const troubles = result.troubles.map((each) => `; ${each}`).join('');
  return {
    kind: 'done',
    view: {
      ...view,
      from,
      done: true,
      ms: result.ms,
      text: `${to.ref.id} serves ${cache.repo} again${seen}${troubles}; the factory records it and reverts the merge when its database is back`,
    },
  };
}
