import { afterEach, expect, it } from 'vitest';
import { releaseOf } from '../testing/command-site.ts';
import { type DeployingFactory, deployingFactory } from '../testing/deploying-factory.ts';
import { git } from '../testing/scripted-factory.ts';
import type { Script } from '../testing/scripted-runner.ts';

// What a person denied, or let lapse, or what was lost, ships with nobody's next release.

let factory: DeployingFactory;
afterEach(() => factory.stop());

const YAML = '  checks:\n    - smoke: "true"\n  canary: { bake: 200ms, wait: 60s }\n';
/** `B` is protected: two people allow its merge, and its deploy. */
const MADE: Record<string, Record<string, string>> = { B: { '.github/workflows/b.yml': 'on: push\n' } };
const implement: NonNullable<Script['implement']> = (spec) =>
  MADE[spec.ticket.title] ?? { [`${spec.ticket.title}.md`]: '# words\n' };

type Approver = { token: string };
let people: Approver[] = [];
async function open(script: Script = {}): Promise<void> {
  factory = await deployingFactory((site) => site.yaml(YAML), { implement, ...script });
  people = [await factory.enrol('ann', 'approver'), await factory.enrol('bob', 'approver')];
  expect(await factory.ended(await factory.file('A'))).toMatchObject({ state: 'done' });
}
const gateOf = (action: string, of: string, not = '') =>
  factory.until(`the ${action} gate of ${of}`, async () => {
    const run = await factory.runOf(of);
    const gates = (await factory.api('GET', '/gates')).body as { id: string; action: string; run: string }[];
    return gates.find((one) => one.run === run?.id && one.action === action && one.id !== not);
  });
const allow = async (gate: { id: string }) => {
  for (const { token } of people)
    await factory.until('approval', async () => {
      const { status } = await factory.api('POST', `/gates/${gate.id}/approve`, { reason: 'yes' }, token);
      const { state } = (await factory.api('GET', `/gates/${gate.id}`)).body;
      return status === 200 || state === 'allowed';
    });
};
/** B, merged, with its deploy gate waiting. */
async function merged(deployMs = 120_000): Promise<{ ticket: string; gate: { id: string } }> {
  const ticket = await factory.file('B');
  const gate = await gateOf('merge', ticket);
  factory.factory.settings.gateMs = deployMs;
  await allow(gate);
  // Not from the list of those that wait: a slow machine looks there too late.
  const asked = await factory.until('its deploy gate', async () =>
    (await factory.runOf(ticket)).gates.findLast(
      (one: { action: string; decision: string }) =>
        one.action === 'deploy' && one.decision === 'needs_approval',
    ),
  );
  return { ticket, gate: asked };
}
const files = (commit: string) =>
  git(factory.root, '--git-dir', factory.remote, 'ls-tree', '-r', '--name-only', commit).split('\n');
const shipped = async (run: { release: string }) =>
  files((await factory.api('GET', `/releases/${run.release}`)).body.commit);

it('takes back what people deny at its deploy gate, and the next release goes out without it', async () => {
  await open();
  const { ticket, gate } = await merged();
  const built = (await factory.runOf(ticket)).release;
  const stateOf = async () => (await factory.api('GET', `/releases/${built}`)).body.state;
  expect(await stateOf()).toBe('built');
  await factory.api('POST', `/gates/${gate.id}/deny`, { reason: 'not this' }, people[0]?.token ?? null);
  expect(await factory.ended(ticket)).toMatchObject({
    state: 'denied',
    reason: expect.stringMatching(/not this.*its merge was reverted/),
  });
  expect(await stateOf()).toBe('abandoned');
  expect(files('main')).not.toContain('.github/workflows/b.yml');
  const next = await factory.ended(await factory.file('C'));
  expect(next).toMatchObject({ state: 'done' });
  expect(await shipped(next)).toEqual(expect.arrayContaining(['A.md', 'C.md']));
  expect(await shipped(next)).not.toContain('.github/workflows/b.yml');
  // Let go on, it is merged again, under the same people's eyes.
  const { id } = await factory.runOf(ticket);
  expect((await factory.api('POST', `/runs/${id}/retry`, { reason: 'after all' })).status).toBe(200);
  await allow(await gateOf('merge', ticket));
  await allow(await gateOf('deploy', ticket, gate.id));
  const end = await factory.until('its end', async () => {
    const run = await factory.runOf(ticket);
    return run?.state === 'done' ? run : null;
  });
  expect(await shipped(end)).toContain('.github/workflows/b.yml');
  expect(factory.runner.attempts.filter((role) => role === 'implement')).toHaveLength(3);
});

it('takes back what is cancelled between its merge and its deploy', async () => {
  await open();
  const { ticket } = await merged();
  const { id } = await factory.runOf(ticket);
  expect((await factory.api('POST', `/runs/${id}/cancel`, { reason: 'never mind' })).status).toBe(200);
  expect(await factory.ended(ticket)).toMatchObject({ state: 'cancelled' });
  expect(files('main')).not.toContain('.github/workflows/b.yml');
  const next = await factory.ended(await factory.file('C'));
  expect(await shipped(next)).not.toContain('.github/workflows/b.yml');
});

it('asks a person before a release carries what waits at its own deploy gate, and says what it carries', async () => {
  await open();
  const { ticket, gate } = await merged(4_000);
  await factory.until('the gate to lapse', async () =>
    /waits for a person/.test((await factory.runOf(ticket)).reason),
  );
  factory.factory.settings.gateMs = 120_000;
  const other = await factory.file('C');
  const asked = await gateOf('deploy', other);
  const view = (await factory.api('GET', `/gates/${asked.id}`)).body;
  expect(view.policies).toContain('deploy-carries');
  expect(view.reason).toContain(gate.id);
  expect(factory.site.read('current')).not.toBe((await factory.runOf(other)).release);
  await allow(asked);
  const end = await factory.ended(other);
  expect(end).toMatchObject({ state: 'done' });
  expect(await shipped(end)).toContain('.github/workflows/b.yml');
  // Cancelled now, it is not taken off the branch: it serves.
  const { id } = await factory.runOf(ticket);
  await factory.api('POST', `/runs/${id}/cancel`, { reason: 'no need' });
  expect(await factory.ended(ticket)).toMatchObject({
    state: 'cancelled',
    reason: expect.stringContaining(`serves as part of ${end.release}`),
  });
  expect(files('main')).toContain('.github/workflows/b.yml');
  expect((await factory.api('GET', '/quarantine')).body).toEqual([]);
});

it('releases nothing from a commit that is not on the branch any more', async () => {
  let taken = false;
  await open({
    release: (spec) => {
      // Somebody, or a hook that takes its time, puts the branch back while the release is built.
      if (spec.ticket.title === 'C' && !taken) {
        taken = true;
        git(factory.root, '--git-dir', factory.remote, 'update-ref', 'refs/heads/main', 'main~1');
      }
      return releaseOf(spec);
    },
  });
  const before = factory.site.read('current');
  const run = await factory.ended(await factory.file('C'));
  expect(run).toMatchObject({ state: 'failed', reason: expect.stringContaining('is not on main any more') });
  expect(factory.site.read('current')).toBe(before);
  const next = await factory.ended(await factory.file('D'));
  expect(next).toMatchObject({ state: 'done' });
  expect(await shipped(next)).not.toContain('C.md');
});
