import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RepoView, RunView, TicketView } from '@millwright/api';
import { type Approver, watchGates } from './approvers.ts';
import { cleanUp, sweep } from './clean-up.ts';
import { type Api, apiOf, Cli, type Running, startUp } from './factory.ts';
import { git, makePlace, type Place, ROOT } from './place.ts';
import { answers, fell, happened, paint, type Row } from './report.ts';
import { answerOf, type DemoTicket, TICKETS } from './tickets.ts';
import { startTraffic, type Traffic } from './traffic.ts';

// `npm run demo`: an embedded factory on a throw-away folder, the example tickets one after the other, and the account of it. Ends with 0 only when every ticket ended as
// its example says and no request to the service failed meanwhile. Leaves nothing behind, however it ends.

const claude = Boolean(process.env.ANTHROPIC_API_KEY);
const stays = process.argv.includes('--stay');
const LIMIT = claude ? '20m' : '5m';

const say = (...lines: string[]) => process.stdout.write(`${lines.join('\n')}\n`);
/** Somebody asked for the end; and the factory ended by itself. */
const over = new AbortController();
const lost = new AbortController();

async function enrol(api: Api, name: string, reason: string): Promise<Approver> {
  const { code } = await api.admin<{ code: string }>('/people/invitations', { name, roles: ['approver'] });
  const { token } = await api.admin<{ token: string }>('/people/acceptance', { code });
  return { name, token, reason };
}

/** One ticket from filing to its end, shown live. */
async function go(
  ticket: DemoTicket,
  at: number,
  world: { cli: Cli; api: Api; approvers: Approver[]; base: string },
): Promise<Row> {
  const { cli, api, approvers, base } = world;
  say('', paint('bold', `Ticket ${at + 1} of ${TICKETS.length}: ${ticket.shows}`));
  if (ticket.approvals)
    say(
      paint(
        'dim',
        `  While it waits, ${approvers.map(({ name }) => name).join(' and ')} read what the gate shows and say yes, each with a token of their own.`,
      ),
    );
  const before = await answerOf(ticket.probe, base);
  const known = new Set((await api.get<TicketView[]>('/tickets')).map(({ id }) => id));
  const followed = new AbortController();
  const gates = watchGates(api, approvers, ticket.approvals, followed.signal, () => cli.endAll());
  // Awaited below; until then its failure must not end the process.
  gates.catch(() => cli.endAll());
  await cli.run(['ticket', 'file', ticket.file, '--repo', 'shop', '--follow', '--timeout', LIMIT], true);
  followed.abort();
  const { said, unexpected } = await gates;
  over.signal.throwIfAborted();
  lost.signal.throwIfAborted();
  for (const line of said) say(`  ${line}`);
  if (unexpected !== null)
    say(paint('red', `  A gate waits that should not: ${unexpected.action}, ${unexpected.reason}`));
  const filed = (await api.get<TicketView[]>('/tickets')).find(({ id }) => !known.has(id));
  const id = filed?.runs.at(-1);
  const run = id === undefined ? null : await api.get<RunView>(`/runs/${id}`);
  const ends = claude ? ticket.ends.claude : ticket.ends.recorded;
  const asExpected =
    run !== null && ends.includes(run.state) && (!ticket.approvals || said.length >= approvers.length);
  if (run?.state === 'rolled_back' && filed !== undefined)
    for (const line of filed.evidence.slice(-1)) say(paint('dim', `  Reopened with: ${line.split('\n')[0]}`));
  return {
    title: filed?.ticket.title ?? ticket.file,
    shows: ticket.shows,
    expected: ends.join(' or ').replaceAll('_', ' '),
    run,
    approvals: said,
    asExpected,
    before,
    after: await answerOf(ticket.probe, base),
    label: ticket.probe.label,
  };
}

function report(
  rows: readonly Row[],
  repos: readonly RepoView[],
  traffic: Traffic | null,
  place: Place,
  ms: number,
): boolean {
  const { asked, failed, last } = traffic?.count() ?? { asked: 0, failed: 0, last: null };
  const quiet = traffic !== null && failed === 0;
  const all = rows.length === TICKETS.length && rows.every((row) => row.asExpected);
  say(
    '',
    ...happened(rows),
    '',
    ...answers(rows),
    '',
    `  ${quiet ? paint('green', '✔') : paint('red', '✖')} ${asked} requests to the shop while releases came and went, ${failed} failed${last === null ? '' : ` (${last})`}`,
    ...repos.flatMap(fell),
    '',
    paint('bold', "The repository's main branch"),
    ...git(place.repository, 'log', '--format=%h %s', 'main')
      .split('\n')
      .map((line) => `  ${line}`),
    '',
    ...(all && quiet
      ? [paint('green', `Every ticket ended as its example says, in ${Math.round(ms / 1_000)} s.`)]
      : [paint('red', 'Not every ticket ended as its example says.')]),
  );
  return all && quiet;
}

const next = [
  '',
  paint('bold', 'What to try next'),
  '  npm run demo -- --stay                       the same, and the factory stays for a look around',
  '  npm start                                    a factory of your own, on ./.millwright',
  '  ./millwright repo add PATH                   give it a repository',
  '  ./millwright autonomy set 6 --repo NAME --reason "…"',
  '  ./millwright ticket file FILE --repo NAME --follow',
  '  examples/shop/conversations                  what the recorded model says, in files to change',
];

async function stayed(running: Running, url: string, data: string): Promise<void> {
  say(
    '',
    `The factory stays, with a console at ${url}`,
    `  sign in with the token in ${join(data, 'token')}; on the command line: ./millwright run list --data ${data}`,
    'Ctrl-C ends it and removes everything.',
  );
  await Promise.race([
    running.ended,
    new Promise((resolve) => over.signal.addEventListener('abort', resolve)),
  ]);
}

/** `fetch failed` says nothing by itself: its cause does. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (lost.signal.aborted || error instanceof TypeError)
    return `the factory does not answer any more (${error.message})`;
  return error.message;
}

function tails(data: string): void {
  for (const name of ['orchestrator', 'runner']) {
    const path = join(data, 'logs', `${name}.log`);
    if (!existsSync(path)) continue;
    process.stderr.write(
      `\n--- the end of ${name}.log ---\n${readFileSync(path, 'utf8').trimEnd().split('\n').slice(-25).join('\n')}\n`,
    );
  }
}

async function demo(): Promise<number> {
  const from = performance.now();
  say(
    claude
      ? paint('bold', 'Millwright demo, with Claude: ANTHROPIC_API_KEY is set.')
      : paint(
          'bold',
          'Millwright demo, with recorded conversations instead of a model (set ANTHROPIC_API_KEY for Claude); everything else is real.',
        ),
  );
  await sweep();
  const place = await makePlace();
  const cli = new Cli(place.data);
  let running: Running | null = null;
  let traffic: Traffic | null = null;
  let worked = false;
  over.signal.addEventListener('abort', () => cli.endAll());
  try {
    running = await startUp(
      place.data,
      claude ? null : join(ROOT, 'examples/shop/conversations'),
      over.signal,
    );
    void running.ended.then(() => {
      lost.abort(new Error('the factory ended by itself'));
      cli.endAll();
    });
    const api = apiOf(place.data);
    await api.admin('/repos', { url: place.repository, name: 'shop' });
    const reason = 'the demo: standard work without a hand';
    await api.admin('/repos/shop/autonomy', { step: 6, reason });
    const approvers = [
      await enrol(api, 'Ada', 'a new column, nothing lost'),
      await enrol(api, 'Ben', 'read the migration: additive'),
    ];
    say(
      `  The shop is repository "shop", at step 6; Ada and Ben may approve. It will answer at http://127.0.0.1:${place.port}`,
    );
    const base = `http://127.0.0.1:${place.port}`;
    const rows: Row[] = [];
    for (const [at, ticket] of TICKETS.entries()) {
      rows.push(await go(ticket, at, { cli, api, approvers, base }));
      if (rows.at(-1)?.asExpected !== true) break;
      traffic ??= startTraffic(`${base}/healthz`);
    }
    await traffic?.stop();
    const repos = await api.get<RepoView[]>('/repos');
    worked = report(rows, repos, traffic, place, performance.now() - from);
    if (worked) say(...next);
    if (stays) await stayed(running, api.url, place.data);
    return worked ? 0 : 1;
  } finally {
    await traffic?.stop();
    if (!worked && !over.signal.aborted) tails(place.data);
    cli.endAll();
    await running?.stop();
    await cleanUp(place.folder);
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => over.abort(new Error('interrupted')));
try {
  process.exitCode = await demo();
} catch (error) {
  if (over.signal.aborted) say('', 'Interrupted; everything the demo made is removed.');
  else process.stderr.write(`\n${paint('red', '✖')} ${messageOf(error)}\n`);
  process.exitCode = over.signal.aborted ? 130 : 1;
}
