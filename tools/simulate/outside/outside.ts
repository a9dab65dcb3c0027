import { createHash } from 'node:crypto';
import {
  type Append,
  type AppendResult,
  type AttemptId,
  type AttemptSpec,
  DriveError,
  type PatchId,
  type ReleaseId,
} from '@millwright/domain';
import type { Adapters, Settings } from '@millwright/orchestrator/testing';
import { type MemoryTarget, memoryTarget } from '@millwright/rollback/testing';
import type { Held } from '@millwright/sandbox-runner/testing';
import { Chance } from './chance.ts';
import { Database } from './database.ts';
import { Forge } from './git.ts';
import { Network } from './network.ts';
import { Wakes } from './queue.ts';
import { type Process, Time } from './time.ts';

/** What becomes of a stage's work. */
export type Said = {
  turns: number;
  ms: number;
  fails: boolean;
  /** Not what was asked for: a change that its patch does not make, a review that finds something, a test that fails. */
  lies: boolean;
  refuses: boolean;
  tasks: number;
  files: readonly (readonly [string, string])[];
};

/** Faults that the factory is not built to bear, planted to see that they are found. */
export type Planted = {
  /** In the place of the orchestrator's own append. */
  append?: (append: Append, act: () => Promise<AppendResult>) => Promise<AppendResult>;
  /** The lock of the database: anybody has it, or nobody makes sure of it. */
  lease?: 'anybody' | 'unconfirmed';
  /** The target takes whatever comes, under whatever fence. */
  fence?: 'ignored';
};

/** A call of the model that was paid for. */
export type Call = { attempt: AttemptId; turn: number; fence: number; at: number; process: string };
/** A shift of traffic that the target did. */
export type Shift = { weights: ReadonlyMap<ReleaseId, number>; fence: number; at: number; process: string };

const SETTINGS: Partial<Settings> = {
  runMs: 600_000,
  gateMs: 60_000,
  questionMs: 60_000,
  remindMs: 600_000,
  sealMs: 2_000,
  uploadsMs: 60_000,
  attempt: { turns: 20, wallMs: 120_000, usd: 20, conversations: 2 },
};

/** All that there is in one drive. */
export class Outside {
  readonly seed: number;
  readonly time = new Time();
  readonly chance: Chance;
  readonly network: Network;
  readonly database: Database;
  readonly forge = new Forge();
  readonly target: MemoryTarget = memoryTarget();
  readonly wakes: Wakes;
  readonly script: Script;
  readonly faults: Planted;
  readonly settings = SETTINGS;
  readonly calls: Call[] = [];
  readonly shifts: Shift[] = [];
  /** What happened beside the trail, for people. */
  readonly notes: string[] = [];
  /** From when on nothing goes wrong any more, in milliseconds after the beginning; and the runners that there are. */
  quietFrom = 0;
  runners: () => readonly Process[] = () => [];
  failed: { invariant: string; what: string } | null = null;
  #ids = 0;

  constructor(seed: number, faults: Planted = {}) {
    this.seed = seed;
    this.faults = faults;
    this.chance = new Chance(seed, 'outside');
    this.network = new Network(this.time, new Chance(seed, 'network'));
    this.database = new Database(this.time);
    this.wakes = new Wakes(this);
    this.script = new Script(new Chance(seed, 'script'));
  }

  note(what: string): void {
    this.notes.push(`${this.time.elapsed} ms  ${what}`);
  }

  ids(process: Process): Adapters['ids'] {
    return {
      next: (prefix) =>
        `${prefix}_${(this.time.now + process.ahead).toString(36)}${(this.#ids++).toString(36).padStart(8, '0')}`,
    };
  }

  /** A rejection that nobody hears ends a process of Node's. */
  unheard(error: unknown): void {
    const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.failed ??= { invariant: 'nothing fails unheard', what: said };
  }

  /** What no fault of the outside explains is one of the code, or of the simulator, which lacks what it was asked for. */
  unforeseen(about: unknown): void {
    const error = typeof about === 'object' && about !== null && 'err' in about ? about.err : null;
    const own = error instanceof TypeError || error instanceof ReferenceError;
    if (own || (error instanceof DriveError && error.code === 'not-simulated'))
      this.failed ??= { invariant: 'nothing unforeseen happens', what: error.stack ?? error.message };
  }

  /** A model is asked, and bills for it. */
  async ask(process: Process, { spec, claim }: Held, turn: number): Promise<void> {
    const { attempt } = spec;
    await this.network.call('model', {
      changes: true,
      away: (why) => new Error(why),
      work: () => {
        this.calls.push({ attempt, turn, fence: claim.fence, at: this.time.now, process: process.name });
      },
    });
    await new Promise((resolve) => setTimeout(resolve, this.chance.between(5, 60)));
  }

  async shifted(
    target: MemoryTarget,
    weights: ReadonlyMap<ReleaseId, number>,
    fence: number,
    condemn?: ReleaseId,
  ): ReturnType<MemoryTarget['shift']> {
    const as = this.faults.fence === 'ignored' ? Number.MAX_SAFE_INTEGER : fence;
    const done = await target.shift(weights, as, condemn);
    if (done.kind === 'done') this.shifts.push({ weights, fence, at: this.time.now, process: '' });
    return done;
  }
}

/** What agents and tests come to: drawn once for each stage that is asked for, however often it is begun. */
export class Script {
  readonly #chance: Chance;
  readonly #said = new Map<AttemptId, Said>();
  #refusals = 0;
  /** As long as stages may go wrong by themselves. */
  rough = true;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  patchId(patch: string): PatchId {
    return createHash('sha1').update(patch).digest('hex') as PatchId;
  }

  of(spec: AttemptSpec): Said {
    const known = this.#said.get(spec.attempt);
    if (known !== undefined) return known;
    const chance = this.#chance;
    const task = spec.role === 'implement' ? spec.task.id : '';
    const bad = this.rough && this.#refusals < 3;
    const said: Said = {
      turns: chance.between(1, 3),
      ms: chance.between(5, 150),
      fails: bad && chance.oneIn(20),
      lies: bad && chance.oneIn(40),
      refuses: bad && chance.oneIn(12),
      tasks: chance.oneIn(4) ? 2 : 1,
      files: [[`src/${spec.run.slice(-6)}${task}.js`, `export const x = ${chance.between(1, 1_000)};\n`]],
    };
    if (said.fails || said.lies || said.refuses) this.#refusals += 1;
    this.#said.set(spec.attempt, said);
    return said;
  }
}
