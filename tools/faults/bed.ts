import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BASE } from '@millwright/api';
import { openTrail, type WritableTrail } from '@millwright/audit';
import { type EntryType, OpenEffects, type RecordedEntry } from '@millwright/domain';
import { ADMIN_TOKEN, git, gitRemote, shopFiles } from '@millwright/orchestrator/testing';
import { migrateQueue } from '@millwright/queue';
import { type OwnPostgres, ownPostgres, type Wire, wireTo } from '@millwright/store/testing';
import postgres from 'postgres';

// A factory of two orchestrators and two runners, each a process, on a Postgres and a Redis of their own, for what goes wrong with any of them.

const ORCHESTRATOR = fileURLToPath(import.meta.resolve('@millwright/orchestrator/testing')).replace(
  'index.ts',
  'shop-process.ts',
);
const RUNNER = join(import.meta.dirname, 'runner-process.ts');
const ENDS_MS = 180_000;

export type Machine = 'o1' | 'o2' | `r${number}`;

export type BedOptions = {
  runners: number;
  /** Each with a remote of its own. */
  repos: readonly string[];
  /** Turns of an agent, and how long its model takes for one, milliseconds. */
  turns: number;
  modelMs: number;
  /** Whether changes are released. */
  deploys: boolean;
};
const USUAL: BedOptions = { runners: 2, repos: ['shop'], turns: 3, modelMs: 250, deploys: true };

async function freePort(): Promise<number> {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = taken.address();
  taken.close();
  await once(taken, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export type Filed = { ticket: string; title: string /** The trail's head before it. */; from: number };

export class Bed {
  readonly root = mkdtempSync(join(tmpdir(), 'millwright-faults-'));
  readonly #machines = new Map<Machine, ChildProcess>();
  readonly #addresses = new Map<Machine, string>();
  readonly #said = new Map<Machine, string>();
  #redis: ChildProcess | null = null;
  #tickets = 0;
  /** Every entry, by a way to the database that no fault is on. */
  trail!: WritableTrail;
  remote = '';

  readonly postgres: OwnPostgres;
  /** Between the runner r1 and the database, and between everybody else and it. */
  readonly wires: { r1: Wire; others: Wire };
  readonly redisPort: number;

  readonly #options: BedOptions;

  private constructor(
    db: OwnPostgres,
    wires: { r1: Wire; others: Wire },
    redisPort: number,
    options: BedOptions,
  ) {
    this.#options = options;
    this.postgres = db;
    this.wires = wires;
    this.redisPort = redisPort;
  }

  static async start(options: Partial<BedOptions> = {}): Promise<Bed> {
    const all = { ...USUAL, ...options };
    const db = await ownPostgres();
    const wires = { r1: await wireTo(db.port), others: await wireTo(db.port) };
    const bed = new Bed(db, wires, await freePort(), all);
    await migrateQueue(db.tcp('migrator'));
    bed.trail = openTrail({
      url: db.tcp('orchestrator'),
      clock: { now: () => Date.now(), sleep: (ms) => sleep(ms) },
    });
    bed.redis();
    const files = shopFiles({ steps: [50, 100], bake: '200ms' });
    bed.remote = gitRemote(bed.root, all.deploys ? files : { ...files, 'millwright.yaml': 'autonomy: 6\n' });
    for (const machine of ['o1', 'o2'] as const) await bed.up(machine);
    for (let nth = 1; nth <= all.runners; nth += 1) await bed.up(`r${nth}`);
    for (const name of all.repos) {
      const url = join(bed.root, `${name}.git`);
      if (url !== bed.remote) git(bed.root, 'clone', '-q', '--bare', bed.remote, url);
      await bed.#call('POST', '/repos', { url, name });
      await bed.#call('POST', `/repos/${name}/autonomy`, { step: 6, reason: 'first step' });
    }
    return bed;
  }

  /** Starts Redis, empty; append-only is off: what is in it is gone with it. */
  redis(): void {
    const args = ['--port', String(this.redisPort), '--bind', '127.0.0.1', '--save', ''];
    this.#redis = spawn('redis-check-rdb', args, { argv0: 'redis-server', stdio: 'ignore' });
  }

  redisSignal(signal: NodeJS.Signals): void {
    this.#redis?.kill(signal);
  }

  process(machine: Machine): ChildProcess {
    const found = this.#machines.get(machine);
    if (found === undefined) throw new Error(`${machine} does not run`);
    return found;
  }

  /** Starts one; `ahead`: how far its clock is wrong. Milliseconds. */
  async up(machine: Machine, ahead = 0): Promise<void> {
    const { root, postgres: db, wires } = this;
    const queueUrl = `redis://127.0.0.1:${this.redisPort}`;
    const port = (machine === 'r1' ? wires.r1 : wires.others).port;
    const { turns, modelMs } = this.#options;
    const runs = machine.startsWith('r');
    const settings = runs
      ? { root, url: db.tcp('runner', port), queueUrl, name: machine, ahead, turns, modelMs }
      : {
          ...{ root, orchestrator: db.tcp('orchestrator', port), runner: '', queue: queueUrl, ahead },
          ...{ standby: true, factory: 'fac_faults', runs: false },
        };
    const child = spawn(
      process.execPath,
      ['--no-warnings', runs ? RUNNER : ORCHESTRATOR, JSON.stringify(settings)],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    this.#machines.set(machine, child);
    child.stderr.on('data', (part) => {
      this.#said.set(machine, `${this.#said.get(machine) ?? ''}${part}`.slice(-20_000));
    });
    const [first] = await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(() => Promise.reject(new Error(`${machine}: ${this.#said.get(machine)}`))),
    ]);
    child.stdout.resume();
    this.#addresses.set(machine, String(first).trim());
  }

  async kill(machine: Machine): Promise<void> {
    const child = this.process(machine);
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** Those that ended by themselves, or were killed, run again. */
  async mend(): Promise<void> {
    for (const [machine, child] of this.#machines)
      if (child.exitCode !== null || child.signalCode !== null) await this.up(machine);
  }

  /** What an orchestrator says of itself to whoever may ask it; null: nothing. */
  async ready(machine: 'o1' | 'o2'): Promise<number | null> {
    const answer = await fetch(`${this.#addresses.get(machine)}/readyz`, {
      signal: AbortSignal.timeout(2_000),
    }).catch(() => null);
    await answer?.arrayBuffer().catch(() => undefined);
    return answer?.status ?? null;
  }

  /** Whether it waits for the end of the other. */
  async stands(machine: 'o1' | 'o2'): Promise<boolean> {
    const answer = await fetch(`${this.#addresses.get(machine)}/readyz`).catch(() => null);
    return /orchestrator o-/.test((await answer?.text()) ?? '');
  }

  /** The orchestrator that has the factory. */
  async holder(): Promise<'o1' | 'o2'> {
    for (;;) {
      for (const machine of ['o1', 'o2'] as const) {
        if ((await this.ready(machine)) === 200) return machine;
      }
      await sleep(100);
    }
  }

  async #call(method: 'GET' | 'POST', path: string, body?: object) {
    for (;;) {
      const at = this.#addresses.get(await this.holder());
      const answer = await fetch(at + BASE + path, {
        method,
        headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      }).catch(() => null);
      if (answer === null || answer.status === 503) continue;
      const said = JSON.parse(await answer.text());
      if (answer.status >= 400) throw new Error(`${method} ${path}: ${JSON.stringify(said)}`);
      return said;
    }
  }

  /** Files a ticket, whose change is a file of its own. */
  async file(repo = 'shop'): Promise<Filed> {
    this.#tickets += 1;
    const title = `Change ${this.#tickets}`;
    const from = await this.trail.head();
    const { id } = await this.#call('POST', '/tickets', { repo, markdown: `# ${title}\n\nplease` });
    return { ticket: id, title, from };
  }

  /** Entries after a position. While the database is away: what was read last. */
  async entries(from: number): Promise<RecordedEntry[]> {
    return this.trail.readAll(from, 10_000).catch(() => []);
  }

  async until<T>(what: string, look: () => Promise<T | null | undefined | false>): Promise<T> {
    for (const end = Date.now() + ENDS_MS; Date.now() < end; await sleep(50)) {
      const seen = await look();
      if (seen) return seen;
    }
    const said = [...this.#said].map(([machine, text]) => `--- ${machine}\n${text.slice(-4_000)}`);
    throw new Error(`waited for ${what}\n${said.join('\n')}`);
  }

  saw(from: number, type: EntryType, times = 1): Promise<boolean> {
    return this.until(`${times} × ${type}`, async () => {
      const found = (await this.entries(from)).filter(({ entry }) => entry?.type === type);
      return found.length >= times;
    });
  }

  /** What has to hold once the ticket is over (THREATS.md): each as a sentence where it does not. */
  async check(filed: Filed): Promise<string[]> {
    const { ticket, title, from } = filed;
    await this.until(`the end of ${title}`, async () =>
      (await this.entries(from)).some(
        ({ entry }) => entry?.type === 'ticket.closed' && entry.data.ticket === ticket,
      ),
    );
    // What is owed after a ticket's end (the old release retired, a late runner's refusal) is done, too.
    const effects = async () => {
      const open = new OpenEffects();
      for (const { envelope, entry } of await this.trail.readAll(0, 10_000))
        if (entry !== null) open.apply(envelope, entry);
      return open.list();
    };
    await this.until('every effect’s outcome', async () => (await effects()).length === 0);
    const mine = await this.trail.readAll(from, 10_000);
    const found: string[] = [];
    const end = mine.findLast(({ entry }) => entry?.type === 'ticket.closed')?.entry;
    if (end?.type !== 'ticket.closed' || end.data.end !== 'done')
      found.push(`${title} ended: ${JSON.stringify(end?.data)}`);
    const once_ = (type: EntryType) => {
      const times = mine.filter(({ entry }) => entry?.type === type).length;
      if (times !== 1) found.push(`${times} × ${type}`);
    };
    once_('merge.finished');
    once_('target.released');
    once_('run.closed');
    const commits = git(this.root, '--git-dir', this.remote, 'log', '--format=%s', 'main').split('\n');
    const landed = commits.filter((subject) => subject === title).length;
    if (landed !== 1) found.push(`${landed} commits of ${title} on main`);
    const turns = mine.flatMap(({ envelope, entry }) =>
      entry?.type === 'turn.recorded' ? [`${envelope.stream} turn ${entry.data.turn}`] : [],
    );
    if (new Set(turns).size !== turns.length) found.push(`turns recorded twice: ${turns.join(', ')}`);
    const sql = postgres(this.postgres.tcp('postgres'), { max: 1 });
    const [money] = await sql<
      { reserved: string }[]
    >`select coalesce(sum(reserved), 0)::text as reserved from millwright.budgets`;
    await sql.end();
    if (money?.reserved !== '0') found.push(`${money?.reserved} are reserved, and nobody is at work`);
    return found;
  }

  async close(): Promise<void> {
    for (const machine of this.#machines.keys()) {
      this.process(machine).kill('SIGCONT');
      await this.kill(machine);
    }
    await this.trail.close();
    this.redisSignal('SIGCONT');
    this.redisSignal('SIGKILL');
    await Promise.all([this.wires.r1.close(), this.wires.others.close()]);
    await this.postgres.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}
