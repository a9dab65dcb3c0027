import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GateView } from '@millwright/api';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { approves, checks, goesWell, implements_, plans } from './conversations.ts';
import { type Factory, startFactory } from './factory.ts';
import { mended, PACKAGES, planted, type RealPackage, unpack } from './packages.ts';

// Real input: packages from the registry, with a defect planted, mended by a scripted model through the whole factory.

/** One in `npm test`, the others in `npm run test:long`: each installs what its tests need from the registry. */
const QUICK = PACKAGES.slice(0, 1);
const SLOW = PACKAGES.slice(1);
const LONG = { tags: ['long'] };

let factory: Factory;
let place: string;

const fixOf = ({ defect, tests, title, run, check }: RealPackage) =>
  goesWell(title, [{ path: defect.path, replace: defect.becomes, by: defect.was }, ...tests], {
    run,
    checks: [check],
  });

/** Of its repository in the factory: without version, and without what an npm scope is written with. */
const nameOf = ({ spec }: RealPackage) =>
  spec
    .replace(/@[\d.]+$/, '')
    .replace(/^@/, '')
    .replace('/', '-');

/** The same defect where the test that shows it is on the base already: first one comment, then the fix. */
const reportedOf = ({ title }: RealPackage) => `${title} (reported)`;
const reported = (real: RealPackage) => {
  const { defect } = real;
  const title = reportedOf(real);
  return [
    plans(title),
    implements_(title, [], { when: { attempt: 1 }, bash: `echo "// noted" >> ${defect.path}` }),
    implements_(title, [{ path: defect.path, replace: defect.becomes, by: defect.was }], {
      when: { attempt: 2 },
    }),
    ...[approves(title), checks(title)],
  ];
};

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'millwright-packages-'));
  factory = await startFactory({
    conversations: PACKAGES.flatMap((real) => [...fixOf(real), ...reported(real)]),
  });
});
afterAll(async () => {
  rmSync(place, { recursive: true, force: true });
  await factory?.close();
});
beforeEach(({ onTestFailed }) => onTestFailed(() => console.error(factory.said())));

describe.concurrent('a defect in a public package', () => {
  const mends = async (real: RealPackage) => {
    const unpacked = await unpack(real.spec, place);
    const name = nameOf(real);
    const remote = await factory.remote(name, planted(real, unpacked), { from: unpacked.folder });
    const base = await remote.head();
    const expected = await remote.treeWith(base, mended(real, unpacked));
    await factory.add(remote);

    const { code, run } = await factory.follow(
      name,
      `---\nkind: bug\n---\n# ${real.title}\n\n${real.ticket}\n`,
    );
    expect(run, run.reason ?? '').toMatchObject({ state: 'done', delivered: { kind: 'merge', ref: 'main' } });
    expect(code).toBe(0);
    expect(run.change).toMatchObject({ base, tree: expected, commit: await remote.head() });
    expect(await remote.treeOf(await remote.head())).toBe(expected);

    const trail = await factory.trail(run.id);
    const of = (type: string) => trail.filter((entry) => entry.type === type).map((entry) => entry.data);
    expect(of('task.reviewed')).toMatchObject([{ verdict: 'approve' }]);
    expect(of('change.tested')).toMatchObject([{ verdict: 'passed', tree: expected }]);
    expect(of('gate.asked')).toMatchObject([{ action: 'start' }, { action: 'merge' }]);
    expect(of('gate.decided')).toMatchObject([{ decision: 'allow' }, { decision: 'allow' }]);
    expect(of('merge.finished')).toMatchObject([{ tree: expected, delivered: 'merge' }]);

    const merge = run.gates.find((gate) => gate.action === 'merge');
    const { facts } = await factory.json<GateView>(['gate', 'show', merge?.id ?? '']);
    expect(facts).toMatchObject({ test: { tree: expected, verdict: 'passed', namesKnown: true } });
  };
  it.for(QUICK)('is mended in $spec, tested by $runner', mends);
  it.for(SLOW)('is mended in $spec, tested by $runner', LONG, mends);
});

describe.concurrent('a defect whose failing test is on the base already', () => {
  const onlyMended = async (real: RealPackage) => {
    const unpacked = await unpack(real.spec, join(place, 'reported'));
    const name = `${nameOf(real)}-reported`;
    const { [real.defect.path]: _fixed, ...withTests } = mended(real, unpacked);
    const base = { ...planted(real, unpacked), ...withTests };
    const remote = await factory.remote(name, base, { from: unpacked.folder });
    const before = await remote.head();
    await factory.add(remote);
    const ticket = `---\nkind: bug\n---\n# ${reportedOf(real)}\n\n${real.ticket}\n`;
    const { run } = await factory.follow(name, ticket);
    expect(run, run.reason ?? '').toMatchObject({ state: 'done', delivered: { kind: 'merge', ref: 'main' } });
    const trail = await factory.trail(run.id);
    const tested = trail.filter((entry) => entry.type === 'change.tested').map((entry) => entry.data);
    expect(tested).toMatchObject([{ verdict: 'failed' }, { verdict: 'passed' }]);
    expect(run.change?.base).toBe(before);
  };
  // The same of a package of ours is in verdicts.e2e.test.ts.
  it.for(PACKAGES)('is not mended by a comment in $spec, and is by the fix', LONG, onlyMended);
});

it('paid for every turn once', async () => {
  const paid = (await factory.requests()).filter((one) => one.paid);
  expect(paid.length).toBeGreaterThan(0);
  expect(new Set(paid.map((one) => `${one.attempt} ${one.turn}`)).size).toBe(paid.length);
});
