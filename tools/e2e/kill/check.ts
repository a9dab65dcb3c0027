import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TrailLine } from '@millwright/api';
import type { AttemptOutcome } from '@millwright/domain';
import Docker from 'dockerode';
import { type Ended, type TestBed, wordAt } from './test-bed.ts';
import { said } from './trap.ts';

// What must hold after every case (THREATS.md): the same end as without a kill, each outside effect once, no recorded turn paid twice,
// a trail without gaps, and nothing left on the engine but what is released. Each function gives what does not hold, as sentences.

/** A finding unless `holds`. */
const unless = (holds: boolean, found: string): string[] => (holds ? [] : [found]);

/** What a run does with its attempts, and what an attempt says of its own way: the same with and without kills. */
const OF_ATTEMPTS = ['stage.opened', 'stage.closed', 'turn.recorded', 'attempt.closed'];

/**
 * A run's own steps, and what its attempts recorded: the same with and without kills. Claims and sandboxes may be more. The tester writes its
 * checks beside the implementer, and how their entries mingle is chance: so these are lines, each of which has one order. The run's own, but
 * for the tester; the tester's, from the plan to the tests that need its checks; each attempt's.
 */
export function courseOf({
  trail,
}: {
  trail: readonly Pick<TrailLine, 'stream' | 'type' | 'data'>[];
}): string[] {
  const entries = trail
    .filter(({ stream, type }) => stream.startsWith('run/') || OF_ATTEMPTS.includes(type))
    .map(({ stream, type, data }) => {
      const { role, turn, attempt } = data as { role?: string; turn?: number; attempt?: string };
      const of = stream.startsWith('attempt/') ? stream.slice('attempt/'.length) : attempt;
      const which = type === 'stage.opened' ? ` ${role}` : type === 'turn.recorded' ? ` ${turn}` : '';
      return { of, own: stream.startsWith('run/'), type, name: `${type}${which}` };
    });
  const tests = entries.filter(({ name }) => name === 'stage.opened test').map(({ of }) => of);
  const [tester, suite] = tests;
  const testers = (one: (typeof entries)[number]) =>
    one.type === 'checks.written' || (tester !== undefined && one.of === tester);
  const line = (belongs: (one: (typeof entries)[number]) => boolean) =>
    entries
      .filter(belongs)
      .map(({ name }) => name)
      .join(' ');
  const attempts = new Set(entries.filter(({ type }) => OF_ATTEMPTS.includes(type)).map(({ of }) => of));
  return [
    line((one) => one.own && !testers(one)),
    line(
      (one) =>
        one.own &&
        (testers(one) || one.type === 'plan.accepted' || (one.type === 'stage.opened' && one.of === suite)),
    ),
    ...[...attempts].map((of) => line((one) => one.of === of && OF_ATTEMPTS.includes(one.type))).toSorted(),
  ];
}

async function repository({ ticket, remote, before }: Ended): Promise<string[]> {
  const head = await remote.head();
  const commits = (await remote.git('rev-list', `${before}..${head}`)).split('\n').filter(Boolean);
  const wanted =
    ticket.end === 'done'
      ? await remote.treeWith(before, { [ticket.path]: ticket.text })
      : await remote.treeOf(before);
  return [
    ...unless(commits.length === (ticket.end === 'done' ? 1 : 2), `main has ${commits.length} new commits`),
    ...unless((await remote.treeOf(head)) === wanted, 'main has another tree than it should'),
    ...unless((await remote.branches()).join() === 'main', `branches are left: ${await remote.branches()}`),
  ];
}

async function released(ended: Ended): Promise<string[]> {
  const { ticket, releases, run, liveBefore, port, wordBefore } = ended;
  const live = releases.filter((one) => one.state === 'live').map((one) => one.id as string);
  const wanted = ticket.end === 'done' ? run.release : liveBefore;
  const word = await wordAt(port);
  return [
    ...unless(live.join() === String(wanted), `live: ${live.join() || 'none'}, not ${wanted}`),
    ...unless(
      word === (ticket.end === 'done' ? ticket.word : wordBefore),
      `the service answers ${word}, not ${ticket.end === 'done' ? ticket.word : wordBefore}`,
    ),
    ...unless(
      releases.filter((one) => one.run === run.id).length === 1,
      'the run has another number of releases than one',
    ),
  ];
}

async function paidOnce(bed: TestBed, { trail, kills }: Ended, crashes: number): Promise<string[]> {
  const recorded = new Map(
    trail
      .filter(({ type }) => type === 'turn.recorded')
      .map(({ stream, data, at }) => [
        `${stream.slice('attempt/'.length)} ${(data as { turn: number }).turn}`,
        at,
      ]),
  );
  const attempts = new Set(trail.map(({ stream }) => stream.replace(/^attempt\//, '')));
  const paid = (await bed.factory.requests())
    .filter((one) => one.paid && one.attempt !== null && attempts.has(one.attempt))
    .map((one) => ({ turn: `${one.attempt} ${one.turn + 1}`, at: one.at }));
  const again = paid.filter(({ turn, at }) => at > (recorded.get(turn) ?? Number.POSITIVE_INFINITY));
  // One a crash in each attempt that is under way, the tester's beside an implementer's: answered, and not on the trail yet.
  const repeats = [...attempts].map((attempt) => {
    const turns = paid.filter(({ turn }) => turn.startsWith(`${attempt} `)).map(({ turn }) => turn);
    return turns.length - new Set(turns).size;
  });
  const most = Math.max(...repeats);
  const deaths = kills.filter(({ victim }) => victim === 'runner').length + crashes;
  return [
    ...unless(
      recorded.size > 0 && paid.length >= recorded.size,
      `${paid.length} paid, ${recorded.size} recorded`,
    ),
    ...unless(again.length === 0, `paid again though recorded: ${again.map(({ turn }) => turn).join()}`),
    ...unless(most <= deaths, `${most} turns of an attempt were paid again in ${deaths} crashes`),
  ];
}

async function dense(bed: TestBed, { trail }: Ended): Promise<string[]> {
  const gaps = await bed.database.ask(`
    select 'position' as what, max(position)::int as last, count(*)::int as all from millwright.entries
    having max(position) <> count(*)
    union all select stream, max(version), count(*)::int from millwright.entries group by stream
    having max(version) <> count(*)`);
  const closing = trail.filter(({ type }) => type === 'run.closed');
  const listed = (closing[0]?.data as { streams: Record<string, number> } | undefined)?.streams ?? {};
  // A runner that comes back after the run's end is refused, which is put on the trail then.
  const late = trail.filter(
    ({ stream, version, type }) => type !== 'attempt.refused' && version > (listed[stream] ?? 0),
  );
  return [
    ...unless(gaps.length === 0, `the trail has gaps: ${JSON.stringify(gaps)}`),
    ...unless(closing.length === 1, `the run was closed ${closing.length} times`),
    ...unless(
      late.length === 0,
      `not in the closing entry: ${late.map((one) => `${one.stream} ${one.version}`)}`,
    ),
  ];
}

/** What is stopped behind a run's end, or settled after a crash in the middle of that, is over by then. Milliseconds. */
const BEHIND_MS = 15_000;

/** Every deploy's fence is released at most once, and no effect is left without its end. */
async function effects(bed: TestBed, ended: Ended): Promise<string[]> {
  let { open, switches } = await effectsOf(bed, ended);
  for (let waited = 0; open.length > 0 && waited < BEHIND_MS; waited += 100) {
    await sleep(100);
    ({ open, switches } = await effectsOf(bed, ended));
  }
  return [
    ...unless(
      switches === (ended.ticket.end === 'done' ? 1 : 0),
      `the target was released ${switches} times`,
    ),
    ...unless(open.length === 0, `effects without an end: ${open.map(({ key }) => key).join()}`),
  ];
}

async function effectsOf(bed: TestBed, { repo, trail }: Ended) {
  const [first] = trail;
  const rows = await bed.database.ask(`
    select e.type, convert_from(p.bytes, 'UTF8')::json as data from millwright.entries e join millwright.payloads p using (position)
    where e.stream = 'target/${repo}' and e.position > ${first?.position ?? 0} order by e.position`);
  const of = (type: string) =>
    rows.filter((row) => row.type === type).map((row) => row.data as { key: string });
  const ends = [...of('target.effect-finished'), ...of('target.reconciled')].map(({ key }) => key);
  const open = of('target.effect-started').filter(({ key }) => !ends.includes(key));
  return { open, switches: of('target.released').length };
}

/** What went back cost its kind of change one step, once; what shipped cost nothing. */
async function lost(bed: TestBed, { repo, ticket, run, trail }: Ended): Promise<string[]> {
  const rows = await bed.database.ask(`
    select convert_from(p.bytes, 'UTF8')::json ->> 'release' as release from millwright.entries e join millwright.payloads p using (position)
    where e.stream = 'repo/${repo}' and e.type = 'autonomy.dropped' and e.position > ${trail[0]?.position ?? 0}`);
  const [releases, wanted] = [
    rows.map(({ release }) => release).join(),
    ticket.end === 'done' ? '' : run.release,
  ];
  return unless(
    releases === wanted,
    `autonomy was lost for ${releases || 'nothing'}, not for ${wanted || 'nothing'}`,
  );
}

/** A target keeps its proxy, its releases and their network: what is live, and what one could go back to. */
const RELEASED = ['release', 'proxy'];

async function onEngine(factory: string, data: string): Promise<string[]> {
  const engine = new Docker();
  const filters = { label: [`millwright.factory=${factory}`] };
  const containers = (await engine.listContainers({ all: true, filters })).filter(
    (one) => !RELEASED.includes(one.Labels['millwright.purpose'] ?? ''),
  );
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(data));
  const { Volumes } = await engine.listVolumes({ filters });
  const networks = await engine.listNetworks({ filters });
  return [
    ...containers.map((one) => `container ${one.Id.slice(0, 12)} ${JSON.stringify(one.Labels)}`),
    ...mounts.map((path) => `mount ${path}`),
    ...(Volumes ?? []).map((one) => `volume ${one.Name}`),
    ...networks
      .filter((one) => one.Labels?.['millwright.repo'] === undefined)
      .map((one) => `network ${one.Name}`),
  ];
}

/** Orphans are gone 60 s after the next start (THREATS.md); half as long again where the machine is busy. */
async function orphans({ factory }: TestBed): Promise<string[]> {
  for (let waited = 0; ; waited += 500) {
    const left = await onEngine(factory.id, factory.data);
    if (left.length === 0 || waited >= 90_000) return left.map((one) => `left behind: ${one}`);
    await sleep(500);
  }
}

/** The lines of one course that are not in another. */
const other = (one: readonly string[], than: readonly string[]): string =>
  one.filter((line) => !than.includes(line)).join(' | ') || 'nothing else';

/** What does not hold of a case; `course` is that of the same ticket without a kill, `crashes` those of what the factory stands on. */
export async function check(
  bed: TestBed,
  ended: Ended,
  points: number,
  course: readonly string[] | null,
  crashes = 0,
): Promise<string[]> {
  const { ticket, run, view, kills } = ended;
  const went = courseOf(ended);
  const failures = ended.trail
    .flatMap(({ type, data }) =>
      type === 'attempt.closed' ? [(data as { outcome: AttemptOutcome }).outcome] : [],
    )
    .filter(({ kind }) => kind === 'failed');
  return [
    ...unless(run.state === ticket.end, `the run ended ${run.state}: ${run.reason}`),
    ...unless(view.state === (ticket.end === 'done' ? 'done' : 'reopened'), `the ticket is ${view.state}`),
    ...unless(view.runs.length === 1, `the ticket has ${view.runs.length} runs`),
    ...unless(kills.length === points, `${kills.length} of ${points} kills fell: ${kills.map(said).join()}`),
    ...unless(
      course === null || went.join() === course.join(),
      `it went another way: ${other(went, course ?? [])}, not ${other(course ?? [], went)}; attempts that failed: ${JSON.stringify(failures)}`,
    ),
    ...(await repository(ended)),
    ...(await released(ended)),
    ...(await paidOnce(bed, ended, crashes)),
    ...(await dense(bed, ended)),
    ...(await effects(bed, ended)),
    ...(await lost(bed, ended)),
    ...(await orphans(bed)),
  ];
}
