import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type ReleaseId, RepoName } from '@millwright/domain';
import { done, type Failure, failure } from '../outcome.ts';
import { Fenced, type Target, type TargetState } from '../targets/target.ts';

/** A target in memory, for what a real one cannot be made to do. `faults` may be changed while it is used. */
export type MemoryTarget = Target & {
  readonly faults: {
    /** Asked before each shift: a reason makes it fail. */
    shift: (weights: ReadonlyMap<ReleaseId, number>) => string | null;
    probe: (release: ReleaseId) => boolean;
    /** Whether it answers on the way that users' requests take. */
    ask: (release: ReleaseId) => boolean;
    /** Whether its image was removed. */
    gone: (release: ReleaseId) => boolean;
    /** Cumulative, by release. */
    figures: (release: ReleaseId) => { requests: number; errors: number };
  };
  readonly calls: string[];
  /** The names of the secrets that a release was started with, in order. */
  readonly given: { release: ReleaseId; secrets: string[] }[];
};

type Kept = {
  running: ReleaseId[];
  serving: [ReleaseId, number][];
  fence: number;
  condemned: ReleaseId | null;
};

/** `file`: where it is kept, for a target that outlives the process which works on it. */
export function memoryTarget(file?: string): MemoryTarget {
  const read = (): Kept =>
    file !== undefined && existsSync(file)
      ? JSON.parse(readFileSync(file, 'utf8'))
      : { running: [], serving: [], fence: 0, condemned: null };
  const kept = read();
  const running = new Set<ReleaseId>(kept.running);
  const calls: string[] = [];
  const given: MemoryTarget['given'][number][] = [];
  let serving: ReadonlyMap<ReleaseId, number> = new Map(kept.serving);
  let [fence, condemned]: [number, ReleaseId | null] = [kept.fence, kept.condemned];
  const keep = () => {
    if (file === undefined) return;
    const text = JSON.stringify({ running: [...running], serving: [...serving], fence, condemned });
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  /** Another process may have taken a fence since. */
  const taken = () => {
    fence = Math.max(fence, read().fence);
    return fence;
  };
  const faults: MemoryTarget['faults'] = {
    shift: () => null,
    probe: () => true,
    ask: () => true,
    gone: () => false,
    figures: () => ({ requests: 0, errors: 0 }),
  };
  const answer = (release: ReleaseId) => ({ ok: faults.probe(release), ms: 1, text: 'asked' });
  const state = (): TargetState => ({
    fence,
    condemned,
    proxy: 'up',
    releases: [...running].map((id) => ({
      id,
      layer: '',
      replicas: [
        {
          name: id,
          container: id,
          running: true,
          genuine: true,
          restarts: 0,
          exitCode: null,
          address: '',
          weight: serving.get(id) ?? 0,
        },
      ],
    })),
    serving,
  });
  return {
    faults,
    calls,
    given,
    name: RepoName.parse('shop'),
    weighted: true,
    measures: true,
    cannotGoBack: () => null,
    fence: async (wanted, began = wanted) => {
      if (wanted < taken()) return { kind: 'fenced', by: fence };
      if (wanted > fence) [fence, condemned] = [wanted, fence < began ? null : condemned];
      keep();
      return { kind: 'taken' };
    },
    ensureProxy: async () => {
      calls.push('ensureProxy');
      return done;
    },
    available: async ({ id }) =>
      faults.gone(id) ? failure('image_missing', `the image of ${id} was removed`) : done,
    materialise: async () => done,
    start: async ({ id }, { secrets }) => {
      given.push({ release: id, secrets: Object.keys(secrets) });
      if (!running.has(id)) calls.push(`start ${id}`);
      running.add(id);
      keep();
      return done;
    },
    probe: async (release) => (running.has(release) ? [{ replica: release, ...answer(release) }] : []),
    shift: async (weights, mine, condemn): Promise<ReturnType<typeof failure> | typeof done> => {
      if (taken() > mine) throw new Fenced(fence);
      calls.push(`shift ${[...weights].map(([id, percent]) => `${id}=${percent}`).join(' ')}`);
      condemned = condemn ?? condemned;
      const reason = faults.shift(weights);
      if (reason !== null) return failure('proxy_down', reason) satisfies Failure;
      serving = new Map([...weights].filter(([, percent]) => percent > 0));
      keep();
      return done;
    },
    counters: async () => new Map([...running].map((id) => [id, { ...faults.figures(id), sessions: 0 }])),
    requests: () => null,
    ask: async (release) => ({ ...answer(release), ok: faults.ask(release) && faults.probe(release) }),
    smoke: async () => null,
    state: async () => state(),
    restart: async () => {},
    logs: async () => 'said',
    stop: async (release) => {
      calls.push(`stop ${release}`);
      running.delete(release);
      keep();
    },
    retire: async () => {},
    remove: async () => {},
  };
}
