import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestLine } from '@millwright/agents/recorded';
import type { RunView, TicketView, TrailLine } from '@millwright/api';
import { type Row, single, spreadOf } from '../row.ts';
import { attempts, covered, steps, testsOf } from './account.ts';
import { fixes as said, ticketOf } from './conversations.ts';
import { type Running, startUp } from './up.ts';

/** On a machine with nothing else to do, about ten seconds. */
const TICKET_MS = 150_000;
/** What the shop's canary waits on purpose at each step (examples/shop/millwright.yaml), in milliseconds. */
const BAKE_MS = 300;
/** Before there is a release to go back to, traffic comes in one step; then in two. */
const bakesOf = (nth: number): number => (nth === 1 ? BAKE_MS : 2 * BAKE_MS);

async function one(running: Running, nth: number): Promise<{ run: RunView; lines: TrailLine[] }> {
  const filed = await running.api<TicketView>('POST', '/tickets', { repo: 'shop', markdown: ticketOf(nth) });
  for (let waited = 0; waited < TICKET_MS; waited += 100) {
    await sleep(100);
    const [id] = (await running.api<TicketView>('GET', `/tickets/${filed.id}`)).runs;
    const run = id === undefined ? null : await running.api<RunView>('GET', `/runs/${id}`);
    if (run === null || run.state === 'running') continue;
    const lines = await running.api<TrailLine[]>('GET', `/trail?run=${run.id}&limit=1000`);
    if (process.env.BENCH_STEPS) process.stderr.write(`${steps(lines).join('\n')}\n`);
    if (run.state !== 'done') throw new Error(`ticket ${nth} ended ${run.state}: ${run.reason}`);
    return { run, lines };
  }
  throw new Error(
    `ticket ${nth} did not end in ${TICKET_MS} ms\n${running.log('orchestrator').slice(-2_000)}`,
  );
}

/** Tickets from filing to the promoted release: what the factory itself takes of it, and what a call of its model carries. */
export async function ticket(_postgres: unknown, quick: boolean): Promise<Row[]> {
  const n = quick ? 1 : 3;
  const running = await startUp({ conversations: said(n) });
  const own: number[] = [];
  const whole: number[] = [];
  const fixes: number[] = [];
  const tests: number[] = [];
  try {
    for (let nth = 1; nth <= n; nth += 1) {
      const { run, lines } = await one(running, nth);
      const times = lines.map((line) => line.at);
      const ms = Math.max(...times) - Math.min(...times);
      const commands = covered(testsOf(running.log('runner'), run.id));
      whole.push(ms);
      tests.push(commands);
      own.push(ms - commands - bakesOf(nth));
      fixes.push(...attempts(lines).flatMap((attempt) => (attempt.role === 'implement' ? [attempt.ms] : [])));
    }
    const requests = (await (await fetch(`${running.model()}/requests`)).json()) as RequestLine[];
    const tokens = new Map(requests.map((line) => [line.role ?? '?', line.overheadBytes / 4]));
    const together = [...tokens.values()].reduce((sum, each) => sum + each, 0);
    return [
      {
        what: 'a ticket, filed to promoted, beside model and tests',
        ...{ unit: 'ms', ours: spreadOf(own), aim: 2_500 },
        note: `of ${spreadOf(whole).p50.toFixed(0)} ms in all (p50), the repository's and the tester's commands ran for ${spreadOf(tests).p50.toFixed(0)} ms, and the canary waits ${bakesOf(2)} ms on purpose (the first ticket’s half of that). The recorded model answers at once. The first ticket also learns the base and installs dependencies: with n=${n} it is p99.`,
      },
      {
        what: 'pick-up to artifact of a fix of three calls',
        ...{ unit: 'ms', ours: spreadOf(fixes), aim: 700 },
        note: 'attempt claimed to attempt closed: sandbox, three calls of the recorded model, the change taken out of the dead container. Measured elsewhere on the same fix: pi 0.7 s, claude-code 0.9 s, opencode 3–5 s, none of which extracts from a dead container.',
      },
      {
        what: 'an implementer’s call, beside ticket and repository',
        ...{ unit: 'tokens', ours: single(tokens.get('implement') ?? Number.NaN), aim: 1_600 },
        note: 'system prompt and tools, bytes / 4. Measured elsewhere: pi 1.4–1.6 k a call, opencode 7.6 k, claude-code 28.7 k.',
      },
      {
        what: 'the five roles together, a call each',
        ...{ unit: 'tokens', ours: single(together), aim: 12_000 },
        note: [...tokens].map(([role, count]) => `${role} ${count.toFixed(0)}`).join(', '),
      },
    ];
  } finally {
    await running.stop();
  }
}
