import {
  type Actor,
  type Digest,
  type Entry,
  FIRST_ADMIN,
  type GitSha,
  type RepoName,
  type StreamId,
  streamOf,
  Ticket,
  type TicketId,
} from '@millwright/domain';
import { type Broken, Invariants, liveOf } from './invariants.ts';
import type { DatabaseFaults } from './outside/database.ts';
import { OrchestratorMachine } from './outside/orchestrator.ts';
import { Outside, type Planted } from './outside/outside.ts';
import { RunnerMachine } from './outside/runner.ts';
import type { Fault, Plan } from './plan.ts';

const SHOP = 'shop' as RepoName;
const ADMIN = FIRST_ADMIN as string as Actor;
/** After what went wrong is over, so long it may take until all is at rest. Milliseconds. */
const REST_MS = 300_000;
/** And so long it has to stay so. */
const STAYS_MS = 2_100;
/** Between two looks at whether it is. */
const LOOK_MS = 100;

export type Mutant = { database?: DatabaseFaults; planted?: Planted };
export type Driven = {
  plan: Plan;
  /** Null: all that has to hold held. */
  broken: Broken | null;
  /** How its runs ended. */
  ends: string[];
  /** Of simulated time, and events that were at work. */
  ms: number;
  steps: number;
  /** Of all that is on the trail: two drives of one seed have the same. */
  fingerprint: Digest;
  outside: Outside;
};

/** One factory from its tickets to their ends, with all that goes wrong on the way. */
export async function drive(plan: Plan, mutant: Mutant = {}): Promise<Driven> {
  const outside = new Outside(plan.seed, mutant.planted);
  Object.assign(outside.database.faults, mutant.database);
  const restore = outside.time.install();
  // It would end a real process.
  const others = process.listeners('unhandledRejection');
  const unheard = (error: unknown) => outside.unheard(error);
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', unheard);
  try {
    return await driven(outside, plan);
  } finally {
    restore();
    process.off('unhandledRejection', unheard);
    for (const other of others) process.on('unhandledRejection', other);
  }
}

async function driven(outside: Outside, plan: Plan): Promise<Driven> {
  const { time, database, forge } = outside;
  found(outside);
  const machines = {
    orchestrator: Array.from(
      { length: plan.orchestrators },
      (_, nth) => new OrchestratorMachine(outside, `o${nth}`),
    ),
    runner: Array.from({ length: plan.runners }, (_, nth) => new RunnerMachine(outside, `r${nth}`)),
  };
  const invariants = new Invariants(outside, SHOP);
  for (const machine of [...machines.orchestrator, ...machines.runner])
    time.after(outside.chance.between(0, 40), null, () => machine.start());
  const tickets = plan.tickets.map((at, nth) => {
    const id = `tkt_${String(nth).padStart(16, '0')}` as TicketId;
    time.after(at, null, () => file(outside, id, nth));
    return id;
  });
  for (const fault of plan.faults) time.after(fault.at, null, () => begin(outside, machines, fault));
  const quiet = Math.max(0, ...plan.tickets, ...plan.faults.map(({ at, ms }) => at + ms)) + 100;
  outside.quietFrom = quiet;
  outside.runners = () => machines.runner.map(({ process }) => process);
  let broken: Broken | null = null;
  let since: number | null = null;
  let [looked, rests] = [0, false];
  const look = () => {
    broken ??= outside.failed ?? invariants.step();
    if (time.elapsed <= quiet || time.now - looked < LOOK_MS) return;
    looked = time.now;
    rests = invariants.working(tickets) === null;
    since = rests ? (since ?? time.now) : null;
  };
  time.after(quiet, null, () => {
    outside.script.rough = false;
  });
  await time.pass(
    quiet + REST_MS,
    () => broken !== null || (since !== null && time.now - since >= STAYS_MS),
    look,
  );
  if (broken === null && since === null)
    broken = { invariant: 'comes to rest', what: invariants.working(tickets) ?? '' };
  broken ??= await invariants.end(tickets);
  for (const machine of [...machines.orchestrator, ...machines.runner]) machine.die();
  const ends = database.entries.flatMap(({ entry }) => (entry.type === 'run.closed' ? [entry.data.end] : []));
  const text = JSON.stringify([database.entries, [...forge.branches], outside.shifts.length, outside.calls]);
  return {
    ...{ plan, broken, ends, ms: time.elapsed, steps: time.steps, outside },
    fingerprint: database.put(Buffer.from(text)),
  };
}

/** A repository that is deployed, at step 6, and what is on its branch. */
function found({ database, forge, time }: Outside): void {
  const yaml = [
    'deploy:',
    '  target: docker',
    '  start: node server.js',
    '  port: 8080',
    '  expose: 18080',
    '  health: /healthz',
    '  canary: { steps: [50, 100], bake: 300ms, minRequests: 0 }',
    '',
  ].join('\n');
  const files = new Map([
    ['package.json', '{"name":"shop"}\n'],
    ['src/x.js', 'export const x = 1;\n'],
    ['millwright.yaml', yaml],
  ]);
  const first = forge.commit(forge.tree(files), null, 'first', 0);
  forge.branches.set('main', forge.commit(forge.tree(files), first, 'second', 0));
  const added = { repo: SHOP, url: 'ssh://forge/shop.git', branch: 'main', deliver: 'merge' as const };
  const entries: Entry[] = [
    { type: 'repo.added', data: added },
    { type: 'repo.step-set', data: { repo: SHOP, step: 6, reason: 'it is a simulation' } },
  ];
  database.append(streamOf.repo(SHOP), 0, ADMIN, entries, time.now);
}

function file(outside: Outside, id: TicketId, nth: number): void {
  const { database, time } = outside;
  const ticket = Ticket.parse({ title: `Change number ${nth}`, body: 'please' });
  const digest = database.put(Buffer.from(JSON.stringify(ticket)));
  const entry: Entry = {
    type: 'ticket.filed',
    data: { ticket: id, repo: SHOP, digest, kind: ticket.kind, key: null },
  };
  database.append(streamOf.ticket(id), 0, ADMIN, [entry], time.now);
}

type Machines = { orchestrator: OrchestratorMachine[]; runner: RunnerMachine[] };

function begin(outside: Outside, machines: Machines, fault: Fault): void {
  const { time, network, database, forge, target, wakes } = outside;
  outside.note(`fault: ${JSON.stringify(fault)}`);
  const after = (end: () => void) => time.after(fault.ms, null, end);
  const machineOf = (who: 'orchestrator' | 'runner', nth: number) =>
    machines[who][nth % machines[who].length] as OrchestratorMachine | RunnerMachine;
  switch (fault.kind) {
    case 'kill': {
      const machine = machineOf(fault.who, fault.nth);
      machine.die();
      return void after(() => machine.start());
    }
    case 'kill-after': {
      let times = 0;
      database.listeners.add(({ entry }) => {
        if (entry.type !== fault.type) return;
        times += 1;
        if (times === fault.times)
          time.after(fault.ms, null, () => {
            const machine = machineOf(fault.who, fault.nth);
            outside.note(`fault: ${machine.name} is killed after ${fault.type}`);
            machine.die();
            time.after(100, null, () => machine.start());
          });
      });
      return;
    }
    case 'stop':
      machineOf(fault.who, fault.nth).process.stoppedUntil = time.now + fault.ms;
      return;
    case 'cut': {
      const one = `${machineOf(fault.who, fault.nth).process.name}>${fault.from}`;
      network.cut.add(one);
      return void after(() => network.cut.delete(one));
    }
    case 'away':
      network.away.add(fault.what);
      return void after(() => network.away.delete(fault.what));
    case 'deaf':
      network.deaf.add(fault.what);
      return void after(() => network.deaf.delete(fault.what));
    case 'restart-database':
      network.away.add('database');
      database.sessions.clear();
      database.holder = null;
      return void after(() => network.away.delete('database'));
    case 'flush-queue':
      wakes.flush();
      return;
    case 'double-wakes':
      wakes.doubles = true;
      return void after(() => {
        wakes.doubles = false;
      });
    case 'slow': {
      const one = `${machineOf(fault.who, fault.nth).process.name}>${fault.to}`;
      network.slow.set(one, fault.times);
      return void after(() => network.slow.delete(one));
    }
    case 'clock':
      machineOf(fault.who, fault.nth).process.ahead = fault.ahead;
      return void after(() => {
        machineOf(fault.who, fault.nth).process.ahead = 0;
      });
    case 'remote-lies':
      forge.lies = true;
      return void after(() => {
        forge.lies = false;
      });
    case 'somebody-pushes': {
      const head = forge.branches.get('main') as GitSha;
      const files = new Map(forge.files(forge.at(head).tree));
      files.set(`by-hand-${fault.at}.txt`, 'by hand\n');
      forge.branches.set('main', forge.commit(forge.tree(files), head, 'by hand', time.now));
      return;
    }
    case 'unhealthy':
      target.faults.probe = () => false;
      return void after(() => {
        target.faults.probe = () => true;
      });
    case 'gone': {
      const live = liveOf(outside, SHOP);
      if (live !== null) void target.stop(live, 0);
      return;
    }
    case 'halt':
      say(outside, streamOf.factory(), { type: 'factory.halted', data: { reason: 'look first' } });
      return void after(() =>
        say(outside, streamOf.factory(), { type: 'factory.resumed', data: { reason: 'looked' } }),
      );
    case 'freeze':
      say(outside, streamOf.target(SHOP), {
        type: 'target.frozen',
        data: { by: 'person', release: null, reason: 'look first', what: '' },
      });
      return void after(() =>
        say(outside, streamOf.target(SHOP), { type: 'target.thawed', data: { reason: 'looked' } }),
      );
  }
}

/** A person says something, to whichever orchestrator takes it. */
function say({ database, time }: Outside, stream: StreamId, entry: Entry): void {
  database.append(stream, database.read(stream).length, ADMIN, [entry], time.now);
}
