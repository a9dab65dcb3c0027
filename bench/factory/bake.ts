import { setTimeout as sleep } from 'node:timers/promises';
import type { GateView, RollbackStatus, RollbackView, TicketView } from '@millwright/api';
import { steadyUsers } from '../rollback/users.ts';
import { type Row, spreadOf } from '../row.ts';
import { comment, fixes, ticketOf } from './conversations.ts';
import { freePort, type Running, startUp } from './up.ts';

// A rollback that a person asks for while a canary bakes, through the whole factory: HTTP, trail, docker target, HAProxy. The canary's answers are
// told by their status, 203, which is well; users go on asking at a steady pace.

const BAKE_S = 12;
const SHARE = 50;
const CANARY_MS = 150_000;
/** No round begins later than this, however few there were. */
const ROUNDS_MS = 100_000;
const CANARY_STATUS = 203;
const EVERY_MS = 3;

/** The page of a product answers 203, and a test says so. */
const change = (nth: number): string =>
  [
    comment(nth),
    `sed -i 's/return { body: view(product) }/return { status: ${CANARY_STATUS}, body: view(product) }/' src/routes/products.js`,
    `printf "\\ntest('is answer ${nth}', async () => {\\n  assert.equal((await get('/products/mug')).status, ${CANARY_STATUS});\\n});\\n" >> test/products.test.js`,
  ].join(' && ');

export async function bake(_postgres: unknown, quick: boolean): Promise<Row[]> {
  const rounds = quick ? 1 : 6;
  const port = await freePort();
  const running = await startUp({
    conversations: fixes(rounds + 1, (nth) => (nth === 1 ? comment(nth) : change(nth))),
    ...{ port, canary: `{ steps: [${SHARE}, 100], bake: ${BAKE_S}s, minRequests: 0 }` },
  });
  const last: number[] = [];
  const said: number[] = [];
  try {
    const approvers = [await enrolled(running, 'Ada'), await enrolled(running, 'Grace')];
    await file(running, 1);
    await until(running, approvers, 'the first release', async () => (await target(running)).live);
    const late = Date.now() + ROUNDS_MS;
    for (let nth = 2; nth <= rounds + 1 && Date.now() < late; nth += 1) {
      await file(running, nth);
      await until(running, approvers, 'a canary', async () =>
        (await target(running)).canary?.percent === SHARE ? true : null,
      );
      const end = await steadyUsers(`http://127.0.0.1:${port}/products/mug`, CANARY_STATUS, EVERY_MS);
      await sleep(1_500);
      const from = Date.now();
      const back = await running.api<RollbackView>('POST', '/rollbacks', {
        repo: 'shop',
        reason: 'the bench',
      });
      said.push(Date.now() - from);
      await sleep(1_500);
      const seen = await end();
      if (!back.done) throw new Error(back.text);
      if (seen.last === null || seen.last < from - 200)
        throw new Error(
          `the canary did not answer to the last: ${JSON.stringify({ ...seen, from })}; ${back.text}`,
        );
      last.push(Math.max(0, seen.last - from));
      await until(running, approvers, 'the end of its run', async () =>
        (await target(running)).canary === null && (await open(running)) === 0 ? true : null,
      );
    }
    return [
      {
        what: 'rollback during a bake: asked for over HTTP to the last response of the canary',
        ...{ unit: 'ms', ours: spreadOf(last), aim: 1_000 },
        note: `the canary had ${SHARE} % and ${BAKE_S} s to bake; a request every ${EVERY_MS} ms. The merge is reverted after it; the answer came after ${spreadOf(said).p50.toFixed(0)} ms (p50).`,
      },
    ];
  } finally {
    await running.stop();
  }
}

const file = (running: Running, nth: number) =>
  running.api<TicketView>('POST', '/tickets', { repo: 'shop', markdown: ticketOf(nth) });

async function target(running: Running): Promise<RollbackStatus> {
  const [one] = await running.api<RollbackStatus[]>('GET', '/rollbacks?repo=shop');
  if (one === undefined) throw new Error('there is no target');
  return one;
}

/** Runs that go on. */
const open = async (running: Running): Promise<number> =>
  (await running.api<{ state: string }[]>('GET', '/runs')).filter(({ state }) =>
    ['running', 'waiting'].includes(state),
  ).length;

/** A person who may approve. Their token. */
async function enrolled(running: Running, name: string): Promise<string> {
  const { code } = await running.api<{ code: string }>('POST', '/people/invitations', {
    name,
    roles: ['approver'],
  });
  return (await running.api<{ token: string }>('POST', '/people/acceptance', { code })).token;
}

/** Waits, and approves what waits for people: after a rollback the factory asks them. */
async function until<T>(
  running: Running,
  approvers: readonly string[],
  what: string,
  look: () => Promise<T | null>,
): Promise<T> {
  for (const end = Date.now() + CANARY_MS; Date.now() < end; await sleep(100)) {
    const found = await look();
    if (found !== null) return found;
    for (const gate of await running.api<GateView[]>('GET', '/gates')) {
      const token = approvers[gate.approvals.length];
      if (token === undefined || gate.approvals.length >= gate.approvalsNeeded) continue;
      await running.api('POST', `/gates/${gate.id}/approve`, { reason: 'the bench' }, token);
    }
  }
  const runs = await running.api<{ id: string; state: string; reason: string | null }[]>('GET', '/runs');
  throw new Error(
    `${what} did not come: ${runs.map(({ state, reason }) => `${state} ${reason}`).join('; ')}`,
  );
}
