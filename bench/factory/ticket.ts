import type { RequestLine } from '@millwright/agents/recorded';
import { type Row, single, spreadOf } from '../row.ts';
import { attempts, covered, testsOf } from './account.ts';
import { fixes as said, ticketOf } from './conversations.ts';
import { promoted } from './run.ts';
import { startUp } from './up.ts';

/** On a machine with nothing else to do, about ten seconds. */
const TICKET_MS = 150_000;
/** What the shop's canary waits on purpose at each step (examples/shop/millwright.yaml), in milliseconds. */
const BAKE_MS = 300;
/** Before there is a release to go back to, traffic comes in one step; then in two. */
const bakesOf = (nth: number): number => (nth === 1 ? BAKE_MS : 2 * BAKE_MS);

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
      const { run, lines } = await promoted(running, ticketOf(nth), TICKET_MS);
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
