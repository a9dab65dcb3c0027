import { DatabaseSync } from 'node:sqlite';
import type { Prover, Sealer, WritableTrail } from '@millwright/audit';
import { DriveError, Fold, type RecordedEntry, retryable, terminal } from '@millwright/domain';
import {
  type Adapters,
  type Graph,
  graph,
  knownSecrets,
  OfflineJournal,
  type Repositories,
} from '@millwright/orchestrator/testing';
import { moveOpen, type ReadModel } from '@millwright/read-model';
import type { Target } from '@millwright/rollback';
import type { MemoryTarget } from '@millwright/rollback/testing';
import type { Lease, LeaseOptions, Secrets, Store } from '@millwright/store';
import { SimulatedRepository } from './git.ts';
import { clockOf } from './network.ts';
import type { Outside } from './outside.ts';
import { queueOf } from './queue.ts';
import { storeOf } from './store.ts';
import { Process } from './time.ts';

const away = (of: string) => (why: string) => retryable(`${of}-unreachable`, why);
const none = (what: string) => () => {
  throw new DriveError('terminal', 'not-simulated', `${what} is not simulated`);
};

function trailOf(outside: Outside): WritableTrail {
  const { database, network } = outside;
  const ask = <T>(work: () => T) => network.call('database', { away: away('trail'), work });
  return {
    append: (append) => {
      const { stream, expectedVersion, actor, entries, at } = append;
      const when = at ?? Date.now();
      const act = () =>
        network.call('database', {
          changes: true,
          away: away('trail'),
          work: () => database.append(stream, expectedVersion, actor, entries, when),
        });
      return outside.faults.append === undefined ? act() : outside.faults.append(append, act);
    },
    read: (stream, afterVersion) => ask(() => database.read(stream, afterVersion)),
    readAll: (after, limit) => ask(() => database.entries.slice(after, after + limit)),
    head: () => ask(() => database.head),
    async *follow({ after, signal }) {
      for (let last = after; !signal.aborted; ) {
        const batch = await ask(() => database.entries.slice(last, last + 500));
        last += batch.length;
        if (batch.length > 0) yield batch;
        else await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    deadClaims: () => ask(() => database.claimsOf('dead')),
    heldClaims: () => ask(() => database.claimsOf('held')),
    async *select({ types, streams = [], upTo }) {
      const found = await ask(() =>
        database.entries
          .slice(0, upTo)
          .filter(({ entry, envelope }) => types.includes(entry.type) || streams.includes(envelope.stream)),
      );
      if (found.length > 0) yield found;
    },
    readAt: (positions) => ask(() => positions.flatMap((one) => database.entries[one - 1] ?? [])),
    alive: (incarnations) => ask(() => new Set(incarnations.filter((one) => database.isAlive(one)))),
    named: (kind) =>
      ask(() =>
        database
          .streamNames()
          .filter((name) => name.startsWith(`${kind}/`))
          .map((name) => name.slice(kind.length + 1)),
      ),
    close: async () => undefined,
  };
}

/** The rows that are read, as a process has them in memory: all that is folded, and of it what is open. */
function readModelOf(outside: Outside, process: Process): ReadModel {
  const { database, network, time } = outside;
  const all = new Fold();
  let [heard, asking] = [0, false];
  const waiting = new Set<{ position: number; resolve: () => void }>();
  let stop = () => {};
  const take = (entries: readonly RecordedEntry[]) => {
    for (const one of entries) {
      all.fold(one);
      heard = one.envelope.position;
    }
  };
  const reached = (position: number, ms: number) =>
    new Promise<boolean>((resolve) => {
      if (heard >= position) return resolve(true);
      const one = { position, resolve: () => resolve(true) };
      waiting.add(one);
      setTimeout(() => {
        waiting.delete(one);
        resolve(heard >= position);
      }, ms);
    });
  const ask = () =>
    network.call('database', { away: away('views'), work: () => database.entries.slice(heard) });
  return {
    start: async (hearing) => {
      const rows = await ask();
      take(rows);
      const open = new Fold();
      moveOpen(all, open);
      hearing.begin(open, heard);
      const follow = async () => {
        if (asking) return;
        asking = true;
        try {
          for (const one of await ask()) {
            if (one.envelope.position <= heard) continue;
            take([one]);
            const about = { fold: all, into: (into: Fold) => moveOpen(all, into) };
            hearing.drawn({ entries: [one], position: heard, about });
          }
          for (const one of waiting) if (one.position <= heard) one.resolve();
        } catch {
          // The database is away: it is looked at again.
        } finally {
          asking = false;
        }
      };
      const listener = () => time.after(outside.chance.between(1, 8), process, () => void follow());
      database.listeners.add(listener);
      const poll = setInterval(() => void follow(), 1_000);
      stop = () => {
        database.listeners.delete(listener);
        clearInterval(poll);
      };
    },
    stop: async () => stop(),
    state: () => ({ position: heard, rebuilding: null, failed: null }),
    reached: async (position) => {
      if (!(await reached(position, 30_000)))
        throw retryable('views-behind', 'what is read is behind', 1_000);
    },
    shown: async (position) => void (await reached(position, 2_000)),
    rebuild: async () => undefined,
    rows: async (part) => {
      const fold = new Fold();
      if (part === 'open') moveOpen(all, fold);
      else fold.become(all);
      return { fold, position: heard };
    },
    add: async (fold, named) => {
      const rows = await ask().then(() => all);
      const tickets = [...(named.tickets ?? [])];
      for (const id of tickets) copy(rows.tickets, fold.tickets, id);
      const runs = tickets.flatMap((id) => fold.tickets.get(id)?.runs ?? []);
      for (const id of [...runs, ...(named.runs ?? []), ...(named.whole ?? [])])
        copy(rows.runs, fold.runs, id);
      for (const id of named.attempts ?? []) copy(rows.attempts, fold.attempts, id);
      for (const id of named.releases ?? []) copy(rows.releases, fold.releases, id);
    },
    parked: async () => [],
    list: none('listing'),
    gates: none('listing gates'),
    runOfGate: none('looking for a gate'),
    trailPage: none('a page of the trail'),
    hasActor: none('looking for an actor'),
  };
}

function copy<K, V>(from: ReadonlyMap<K, V>, to: Map<K, V>, key: K): void {
  const value = from.get(key);
  if (value !== undefined && !to.has(key)) to.set(key, value);
}

/** Whatever is on the trail is sealed a moment later, while the database is there. */
function sealerOf(outside: Outside): Sealer {
  const { network } = outside;
  const sealed: Sealer['sealed'] = async (_position, { timeoutMs, signal }) => {
    signal?.throwIfAborted();
    const asked = network.call('database', { away: away('trail'), work: () => 'sealed' as const });
    const late = new Promise<'timeout'>((resolve) => setTimeout(resolve, timeoutMs, 'timeout'));
    return Promise.race([asked, late]);
  };
  return {
    start: async () => undefined,
    stop: async () => undefined,
    state: () => ({ kind: 'sealing', size: outside.database.head }),
    sealed,
    latest: async () => null,
    checkpointAt: async () => null,
    after: async () => null,
    addCosignature: none('cosigning'),
    witnesses: async () => ({ quorum: 0, seen: [] }),
    vkey: async () => 'simulated',
    origin: 'millwright.local/simulated',
    attest: async (statement) => ({ line: JSON.stringify(statement), key: 'simulated' }),
    rotate: none('a new key'),
  };
}

const proverOf = (): Prover => ({
  prove: none('proving'),
  proveAll: none('proving'),
  inclusion: none('proving'),
  consistency: none('proving'),
  exportRun: none('exporting'),
  exportRange: none('exporting'),
  log: none('exporting'),
  rotations: async () => [],
  close: async () => undefined,
});

const noSecrets: Secrets = {
  set: none('secrets'),
  get: async () => null,
  all: async () => [],
  names: async () => [],
  remove: none('secrets'),
};

/** The target as an orchestrator reaches it: over the network, where what it asked for may be done and never answered. */
function reached(outside: Outside, target: MemoryTarget): Target {
  const { network } = outside;
  const ask = <T>(work: () => T | Promise<T>) =>
    network.call<T>('target', { away: (why) => new Error(why), work });
  const act = <T>(work: () => T | Promise<T>) =>
    network.call<T>('target', { changes: true, away: (why) => new Error(why), work });
  const failed = (error: unknown) => ({
    kind: 'failed' as const,
    code: 'engine' as const,
    reason: String(error),
  });
  return {
    ...target,
    fence: (fence, began) => act(() => target.fence(fence, began)),
    ensureProxy: (run) => act(() => target.ensureProxy(run)).catch(failed),
    available: (release) => ask(() => target.available(release)).catch(failed),
    materialise: (release) => act(() => target.materialise(release)).catch(failed),
    start: (release, run) => act(() => target.start(release, run)).catch(failed),
    probe: (release, ms) => ask(() => target.probe(release, ms)).catch(() => []),
    shift: (weights, fence, condemn) => act(() => outside.shifted(target, weights, fence, condemn)),
    counters: () => ask(() => target.counters()).catch(() => null),
    ask: (release, path, ms) => ask(() => target.ask(release, path, ms)),
    state: () => ask(() => target.state()),
    restart: (release, fence) => act(() => target.restart(release, fence)),
    stop: (release, fence) => act(() => target.stop(release, fence)),
    retire: (keep, retention, fence) =>
      act(async () => {
        for (const { id } of (await target.state()).releases)
          if (!keep.includes(id)) await target.stop(id, fence);
        await target.retire(keep, retention, fence);
      }),
    remove: (data) => act(() => target.remove(data)),
  };
}

/** How often who stands by, or has lost its session, asks for the lock. Milliseconds. */
const LOCK_MS = 50;
const CONFIRM_MS = 2_000;

/** The database's one lock. A session ends with its process, or with its connection. */
function leaseOf(outside: Outside, process: Process): (options: LeaseOptions) => Promise<Lease | null> {
  const { database, network } = outside;
  const ask = <T>(work: () => T) => network.call('database', { away: away('store'), work });
  const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const take = () =>
    ask(() => {
      // What is on its way when its process dies comes over a connection that is no more.
      const free = database.holder === null || outside.faults.lease === 'anybody';
      if (free && process.alive) database.holder = process.name;
      return database.holder;
    });
  return async ({ onTaken, standby }) => {
    let closed = false;
    const again = async () => {
      for (; !closed; await sleep(LOCK_MS * 4)) {
        const by = await take().catch(() => null);
        if (by === process.name || by === null) continue;
        closed = true;
        onTaken(by);
      }
    };
    for (;;) {
      const by = await take().catch(() => null);
      if (by === process.name) break;
      if (standby === undefined && by !== null)
        throw terminal('held-by-another', `another orchestrator has this database: ${by}`);
      if (standby?.signal.aborted === true) return null;
      if (by !== null) standby?.held(by);
      await sleep(LOCK_MS);
    }
    void again();
    return {
      confirm: async () => {
        if (outside.faults.lease === 'unconfirmed') return;
        for (const end = Date.now() + CONFIRM_MS; ; await sleep(LOCK_MS)) {
          if ((await ask(() => database.holder).catch(() => null)) === process.name) return;
          if (Date.now() > end)
            throw retryable('lease-lost', 'the lock is not known to be had still', LOCK_MS);
        }
      },
      close: async () => {
        closed = true;
        await ask(() => {
          if (database.holder === process.name) database.holder = null;
        }).catch(() => undefined);
      },
    };
  };
}

/** A machine that an orchestrator runs on: what is on its disk outlives the process. */
export class OrchestratorMachine {
  readonly name: string;
  readonly #outside: Outside;
  readonly #disk = new DatabaseSync(':memory:');
  process: Process;
  graph: Graph | null = null;
  #times = 0;

  constructor(outside: Outside, name: string) {
    this.#outside = outside;
    this.name = name;
    this.process = new Process(name);
    this.process.alive = false;
  }

  /** Starts a process, which stands by where another has the factory. */
  start(): void {
    if (this.process.alive) return;
    const outside = this.#outside;
    const ahead = this.process.ahead;
    this.#times += 1;
    this.process = new Process(`${this.name}.${this.#times}`);
    this.process.ahead = ahead;
    const { process } = this;
    outside.time.as(process, () => {
      const made = graph(this.#adapters(process), {
        incarnation: `o-${process.name}`,
        adminTokenHash: new Uint8Array(32),
        settings: outside.settings,
        modelKey: true,
        place: process.name,
        standby: true,
        onLost: () => this.#again(),
      });
      this.graph = made;
      made.start().catch((error: unknown) => {
        if (!process.alive) return;
        outside.note(`${process.name} could not start: ${String(error)}`);
        this.#again();
      });
    });
  }

  /** It ended by itself: whoever watches over it starts it again. */
  #again(): void {
    this.die();
    this.#outside.time.after(500, null, () => this.start());
  }

  /** kill -9: what it had begun it ends no more, and its sessions are gone a moment later. */
  die(): void {
    const { process } = this;
    if (!process.alive) return;
    process.alive = false;
    this.graph = null;
    const { time, database, chance } = this.#outside;
    time.after(chance.between(1, 30), null, () => {
      if (database.holder === process.name) database.holder = null;
    });
  }

  #adapters(process: Process): Adapters {
    const outside = this.#outside;
    const { network } = outside;
    const clock = clockOf(outside.time, process);
    const store: Store = storeOf(outside, 'orchestrator');
    const repository = new SimulatedRepository(outside.forge, network);
    const repositories = { open: async () => repository } as unknown as Repositories;
    const target = reached(outside, outside.target);
    const quiet = () => undefined;
    const told = (about: unknown, what: string) => {
      outside.note(`${process.name}: ${what}: ${aboutOf(about)}`);
      outside.unforeseen(about);
    };
    const fatal = (what: string) => outside.note(`${process.name}: ${what}`);
    const log = { info: told, debug: quiet, warn: told, error: told, fatal } as unknown as Adapters['log'];
    return {
      clock,
      ids: outside.ids(process),
      forge: () => {
        throw new Error('nothing is connected in a drive');
      },
      log,
      trail: trailOf(outside),
      sealer: sealerOf(outside),
      prover: proverOf(),
      redactor: null,
      store,
      secrets: noSecrets,
      known: knownSecrets(noSecrets, clock),
      queue: queueOf(outside, process),
      readModel: readModelOf(outside, process),
      offlineJournal: OfflineJournal.on(this.#disk, clock, 'simulated'),
      repositories: () => repositories,
      targets: { of: () => target, reap: async () => undefined, keepCache: async () => undefined },
      targetClock: clock,
      pager: async (page) => {
        outside.note(`paged: ${page.why}`);
        return { result: 'sent', reason: 'to the simulator' };
      },
      lease: leaseOf(outside, process),
      databaseTrouble: async () => null,
      disk: async () => ({ free: 1, of: 1 }),
      queueTrouble: async () => null,
      published: { places: [], everyMs: 0 },
      restored: async () => false,
    };
  }
}

const aboutOf = (about: unknown): string =>
  typeof about === 'object' && about !== null && 'err' in about ? String(about.err) : JSON.stringify(about);
