import { getJson, Plan, plainText, type Run, Ticket } from '@millwright/domain';
import type { Store } from '@millwright/store';
import { commitMessageOf } from '../runs/commit-message.ts';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import { quoted } from './session.ts';

type Ports = { knownSecrets: KnownSecrets; store: Store };

/** What GitHub takes of a body is 65,536 characters. */
const MOST = 60_000;

/** What a proposal says of a run's change: asked, planned, reviewed, tested, decided, spent, and how it is undone. The same run is told in the same words. */
export async function proposalOf(
  factory: Ports,
  run: Run,
  closes: number,
): Promise<{ title: string; body: string }> {
  const { artifacts } = factory.store;
  const [ticket, plan, message] = await Promise.all([
    getJson(artifacts, Ticket, run.ticketDigest),
    run.plan === null ? null : getJson(artifacts, Plan, run.plan),
    commitMessageOf(factory, run),
  ]);
  const [title = ticket.title, , ...rest] = message.split('\n');
  const review = run.reviews.findLast(({ task }) => task === null) ?? run.reviews.at(-1);
  const test = run.tests.findLast(({ task }) => task === null) ?? run.tests.at(-1);
  const { mask } = await factory.knownSecrets.now();
  const body = [
    `Closes #${closes}.`,
    '',
    ...(rest.length === 0 ? [] : [plainText(rest.join('\n')).trim(), '']),
    '| | |',
    '|---|---|',
    `| asked | ${quoted(ticket.title)} |`,
    ...(plan?.kind === 'tasks' ? [`| planned | ${quoted(plan.summary)} |`] : []),
    `| reviewed | ${review === undefined ? 'no: trivial, and policy lets that go' : review.verdict === 'approve' ? 'approved' : 'changes wanted'} |`,
    `| tested | ${test === undefined ? 'no' : quoted(test.verdict.replaceAll('_', ' '))} |`,
    ...run.gates
      .filter(({ decision, ended }) => decision !== null && ended !== 'voided')
      .map((gate) => `| ${gate.action} gate \`${gate.gate}\` | ${quoted(gate.reason)} |`),
    `| spent | $${run.usage.usd.toFixed(4)} |`,
    `| undo | close this and delete its branch: nothing else was changed; once merged, revert it |`,
    `| run | \`${run.id}\`, commit \`${run.change?.commit ?? ''}\` on \`${run.change?.base ?? ''}\` |`,
  ].join('\n');
  return { title: mask(title), body: mask(body).slice(0, MOST) };
}
