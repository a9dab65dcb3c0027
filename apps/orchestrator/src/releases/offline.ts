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
  const ways = await readRollbackCaches(place.data);
  const way = ways.find((each) => each.repo === asked.repo) ?? (asked.repo === null ? ways[0] : undefined);
  const names = ways.map((each) => each.repo);
  if (way === undefined)
    return refused(
      asked.repo === null ? `nothing was deployed from ${place.data}` : `there is no target ${asked.repo}`,
      names.length === 0 ? 'name the folder: --data DIR' : `one of: --repo ${names.join(', --repo ')}`,
    );
  if (asked.repo === null && ways.length > 1)
    return refused(`there are ${ways.length} targets`, `name one: --repo ${names.join(' or --repo ')}`, 2);
  const [live] = way.releases;
  if (live === undefined) throw new Error('a way back holds one release at least');
  // The commands that brought what is live there are those that take it back.
  const target = place.target(way.repo, runOf(live, place.env));
  const state = await target.state();
  const to = goal(way, state, asked.release);
  if (typeof to === 'string')
    return refused(to, `one of: ${way.releases.map(({ ref }) => ref.id).join(', ')}`);
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
  const view = { repo: way.repo, from, to: id, ms: 0, revert: null, plan: null };
  if (asked.dryRun)
    return {
      kind: 'planned',
      view: {
        ...view,
        done: false,
        text: `traffic of ${way.repo} goes from ${from} to ${id}, without the factory`,
      },
    };
  return go(place, { way, to, from, target, state, view, reason: asked.reason });
}

const runOf = ({ config }: CachedRelease, env: Place['env']): RunConfig => ({
  config,
  secrets: Object.fromEntries(config.secrets.map((name) => [name, env[name] ?? ''])),
  replicas: 1,
});

/** The one named; else what is live, where something newer has traffic (a canary that nobody watches); else the next older one. */
function goal(way: RollbackCache, { serving }: TargetState, named: string | null): CachedRelease | string {
  if (named !== null) {
    const to = way.releases.find(({ ref }) => ref.id === named);
    return to ?? `${named} is not one that can be gone back to without the factory`;
  }
  const places = [...serving.keys()].map((id) => way.releases.findIndex(({ ref }) => ref.id === id));
  const newest = Math.min(...places, way.releases.length);
  return (
    way.releases[newest === way.releases.length ? 0 : newest + 1] ?? 'there is no older release to go back to'
  );
}

type Way = {
  way: RollbackCache;
  to: CachedRelease;
  from: ReleaseId;
  target: Target;
  state: TargetState;
  view: Omit<RollbackView, 'done' | 'text'>;
  reason: string;
};

async function go(place: Place, way: Way): Promise<Offline> {
  const offlineJournal = OfflineJournal.open(journalIn(place.data), place.clock);
  try {
    return await switchBack(place, way, offlineJournal);
  } finally {
    offlineJournal.close();
  }
}

async function switchBack(
  { data, clock, env, who }: Place,
  { way, to, from, target, state, view, reason }: Way,
  offlineJournal: OfflineJournal,
): Promise<Offline> {
  const fence = state.fence + 1;
  const say = async (entry: Entry) => offlineJournal.write(way.repo, entry);
  const journal: Journal = {
    started: ({ key, effect, release }) =>
      say({ type: 'target.effect-started', data: { key, effect, release, fence } }),
    finished: ({ key, effect, release }, result, why) =>
      say({
        type: 'target.effect-finished',
        data: { key, effect, release, result, reason: why.slice(0, 4_000) },
      }),
  };
  const result = await rollback(target, { to: to.ref, run: runOf(to, env), fence, journal, clock });
  if (result.kind === 'fenced')
    return refused(
      `another deploy or rollback took the target of ${way.repo} at this moment, and goes on`,
      'look, and try again',
    );
  if (result.kind !== 'switched')
    return refused(`${result.reason}\n${result.evidence}`, result.stuck?.what ?? 'try another release');
  const [live] = way.releases;
  if (live !== undefined && live.ref.id !== to.ref.id) {
    await say({
      type: 'target.released',
      data: {
        release: to.ref.id,
        previous: live.ref.id,
        fence,
        by: 'rollback',
        artifact: to.artifact,
        reason: `offline, ${who}: ${reason}`.slice(0, 4_000),
      },
    });
    await writeRollbackCache(data, { ...way, releases: way.releases.slice(way.releases.indexOf(to)) });
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
      text: `${to.ref.id} serves ${way.repo} again${seen}${troubles}; the factory records it and reverts the merge when its database is back`,
    },
  };
}
