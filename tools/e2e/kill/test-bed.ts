import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReleaseView, RunView, TicketView, TrailLine } from '@millwright/api';
import type { TicketKind } from '@millwright/domain';
import { removeFromEngine } from '../../demo/clean-up.ts';
import { type Factory, startFactory } from '../factory.ts';
import type { Remote } from '../remote.ts';
import type { Victim } from './processes.ts';
import { good, scripts, serviceFiles, sick, type Ticket } from './service.ts';
import { openSuperuser, type Superuser } from './superuser.ts';
import { type Kill, type Point, Trap } from './trap.ts';

/** Deaths that these factories' supervisors forgive (apps/cli/src/up/restarts.ts): two runs' worth of kills. */
const DEATHS_PER_MINUTE = 30;
/** A run takes some 8 s on a quiet machine, 60 s on a crowded one; kills add to it. */
const RUN_MS = 800_000;

export type Place = { repo: string; remote: Remote; port: number };

/** All that a case left to be judged. */
export type Ended = Place & {
  ticket: Ticket;
  run: RunView;
  view: TicketView;
  trail: TrailLine[];
  releases: ReleaseView[];
  kills: Kill[];
  before: string;
  liveBefore: string | null;
  wordBefore: string | null;
};

export const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

/** What the released service answers, or null where nothing does. */
export async function wordAt(port: number): Promise<string | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(30_000) });
    const text = await response.text();
    return response.ok ? text : null;
  } catch {
    return null; // Nobody listens, or it hung up: no answer either way.
  }
}

/** One factory in which cases run one after the other. */
export class TestBed {
  readonly factory: Factory;
  readonly database: Superuser;
  readonly trap: Trap;
  readonly #deaths: { victim: Victim; at: number }[] = [];
  #place: Place | null = null;
  #places = 0;
  #tickets = 0;

  private constructor(factory: Factory, database: Superuser, trap: Trap) {
    this.factory = factory;
    this.database = database;
    this.trap = trap;
  }

  /** @param tickets that its model has conversations for, of each kind */
  static async start(tickets = 50): Promise<TestBed> {
    const factory = await startFactory({
      conversations: scripts(tickets),
      env: { MILLWRIGHT_RESTARTS_PER_MINUTE: String(DEATHS_PER_MINUTE) },
    });
    const database = openSuperuser(factory.data);
    return new TestBed(factory, database, await Trap.set(factory.data, database));
  }

  /** Of this factory on the engine; the released ones too. */
  async close(): Promise<void> {
    await this.database.close();
    // Only when it has stopped: a factory that runs brings back what it released.
    await this.factory.close(() => removeFromEngine(this.factory.id));
  }

  /** The repository that cases share; a new one after a case that went wrong, and after a rollback: what touches the same paths has lost its step. */
  async place(): Promise<Place> {
    if (this.#place === null) {
      const repo = `word-${++this.#places}`;
      const port = await freePort();
      const remote = await this.factory.remote(repo, serviceFiles(port));
      await this.factory.add(remote);
      this.#place = { repo, remote, port };
    }
    return this.#place;
  }

  leavePlace(): void {
    this.#place = null;
  }

  /** One ticket with kills at `points`, to its very end. */
  async run(
    kind: 'done' | 'rolled_back',
    points: readonly Point[],
    what?: (point: Point) => Promise<void>,
  ): Promise<Ended> {
    const place = await this.place();
    const releasesOf = async () =>
      (await this.factory.api('GET', `/releases?repo=${place.repo}`)).body as ReleaseView[];
    const liveNow = async () => (await releasesOf()).find((one) => one.state === 'live')?.id ?? null;
    // What is rolled back goes back to something, also in a place that is new.
    if (kind === 'rolled_back' && (await liveNow()) === null) await this.run('done', []);
    const liveBefore = await liveNow();
    if (kind === 'rolled_back') this.leavePlace();
    const change = kind === 'done' ? 'feature' : 'bug';
    const ticket = (kind === 'done' ? good : sick)(++this.#tickets);
    const before = await place.remote.head();
    const wordBefore = await wordAt(place.port);
    await this.#mayDie(points);
    const { kills, value } = await this.trap.during(
      points,
      async () => {
        const end = await this.#toItsEnd(await this.#file(place.repo, ticket.title, change));
        if (kind === 'done') await this.#retired(place.repo);
        return end;
      },
      what,
    );
    if (what === undefined) this.#deaths.push(...kills.map(({ victim, at }) => ({ victim, at })));
    const trail = await this.factory.trail(value.run.id);
    const releases = await releasesOf();
    return { ...place, ticket, ...value, trail, releases, kills, before, liveBefore, wordBefore };
  }

  /** Filed with a key, so that filing may be repeated while the orchestrator is away. */
  async #file(repo: string, title: string, kind: TicketKind): Promise<string> {
    for (const until = Date.now() + RUN_MS; ; await sleep(200)) {
      try {
        const key = { 'idempotency-key': title };
        const { status, body } = await this.factory.api(
          'POST',
          '/tickets',
          { repo, markdown: `# ${title}\n`, kind },
          key,
        );
        if (status < 300) return (body as { id: string }).id;
        if (status < 500) throw new Error(`${title} was not filed: ${status} ${JSON.stringify(body)}`);
      } catch (error) {
        if (!(error instanceof TypeError) || Date.now() > until) throw error;
      }
    }
  }

  /** Asks until the ticket is settled; an orchestrator that is away is asked again. */
  async #toItsEnd(ticket: string): Promise<{ run: RunView; view: TicketView }> {
    let last = '';
    for (const until = Date.now() + RUN_MS; Date.now() < until; await sleep(500)) {
      try {
        const view = (await this.factory.api('GET', `/tickets/${ticket}`)).body as TicketView;
        const id = view.runs?.at(-1);
        const run =
          id === undefined ? null : ((await this.factory.api('GET', `/runs/${id}`)).body as RunView);
        last = JSON.stringify({ ticket: view.state, run });
        if (run?.endedAt && ['done', 'closed', 'reopened'].includes(view.state)) return { run, view };
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
      }
    }
    throw new Error(`${ticket} did not end in ${RUN_MS} ms: ${last}`);
  }

  /** Waits for what a promoted release leaves over to be stopped, behind its run's end; also by an orchestrator that came after one which died. */
  async #retired(repo: string): Promise<void> {
    for (const until = Date.now() + RUN_MS; Date.now() < until; await sleep(100)) {
      const [row] = await this.database.ask(`
        select from millwright.entries e join millwright.payloads p using (position)
        where e.stream = 'target/${repo}' and e.type = 'target.effect-finished'
          and convert_from(p.bytes, 'UTF8')::json ->> 'effect' = 'retire'
          and e.position > (select max(position) from millwright.entries where stream = e.stream and type = 'target.released')`);
      if (row !== undefined) return;
    }
    throw new Error(`what was left over on ${repo} was not stopped in ${RUN_MS} ms`);
  }

  /** Waits until `up` would forgive as many deaths more. */
  async #mayDie(points: readonly Point[]): Promise<void> {
    for (const victim of ['orchestrator', 'runner'] as const) {
      const more = points.filter((point) => point.victim === victim).length;
      const recent = () =>
        this.#deaths.filter((one) => one.victim === victim && Date.now() - one.at < 61_000).length;
      while (more > 0 && recent() > 0 && recent() + more > DEATHS_PER_MINUTE) await sleep(500);
    }
  }
}

/** What the factory's processes complained about, for failure messages. */
export const troubles = (bed: TestBed): string =>
  bed.factory
    .said()
    .split('\n')
    .filter((line) => !/"level":[123]0/.test(line))
    .join('\n');
