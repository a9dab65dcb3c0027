import type { SpecOf } from '@millwright/domain';
import { afterEach, expect, test } from 'vitest';
import { type DeployingFactory, deployingFactory } from '../testing/deploying-factory.ts';
import { git } from '../testing/scripted-factory.ts';

let factory: DeployingFactory;
afterEach(() => factory.stop());

test('what was rolled back ships in no other guise until a person lifts it; other tickets and a real fix flow', {
  timeout: 180_000,
}, async () => {
  const BAD = { 'a.txt': 'one\nTWO\nthree\n' };
  const made: Record<string, Record<string, string>> = {
    bad: BAD,
    again: BAD,
    spaced: { 'a.txt': 'one\n\nTWO \nthree\n' },
    near: { 'a.txt': 'one\nTWO\nthree\nfour\n' },
    fix: { 'a.txt': 'one\nTwo\nthree\n' },
  };
  factory = await deployingFactory(
    (site) =>
      site.yaml(`  checks:\n    - smoke: test ! -e ${site.folder}/broken\n  canary: { bake: 200ms }\n`),
    {
      implement: (spec) =>
        made[spec.ticket.title] ?? { [`${spec.ticket.title}.md`]: `# ${spec.ticket.title}\n` },
    },
  );
  const { site, file, ended, api } = factory;
  const { token } = await factory.enrol('eve', 'approver');
  await ended(await file('first'));
  site.write('broken', '');
  const bad = await ended(await file('bad', 'bug'));
  expect(bad).toMatchObject({ state: 'rolled_back' });
  site.remove('broken');

  // The same patch by another ticket is refused before it merges, whatever the tests and reviewers say.
  const again = await ended(await file('again'));
  expect(again).toMatchObject({
    state: 'denied',
    reason: expect.stringContaining(bad.release),
    delivered: null,
  });
  expect((await api('GET', `/gates/${again.gates.at(-1).id}`)).body.acts).toMatchObject([
    { act: 'lift-quarantine', id: bad.release },
  ]);
  expect(await ended(await file('spaced'))).toMatchObject({ state: 'denied', delivered: null });
  // What has most of it, and something more, is a person's to judge.
  const near = await file('near', 'docs');
  const gate = await factory.until('its gate', async () => (await api('GET', '/gates')).body[0]);
  expect(gate.reason).toContain(`has most of what was rolled back: ${bad.release}`);
  await api('POST', `/gates/${gate.id}/deny`, { reason: 'as bad' }, token);
  expect(await ended(near)).toMatchObject({ state: 'denied' });
  // Others flow by themselves; a fix is another patch, and touches what fell: a person lets it out.
  expect(await ended(await file('other'))).toMatchObject({ state: 'done' });
  const fix = await factory.allowing(token, ended(await file('fix')));
  expect(fix).toMatchObject({ end: { state: 'done' }, gates: ['merge', 'deploy'] });

  // Somebody brings the patch back past the factory: nothing that holds it is let out.
  const work = `${factory.root}/work`;
  git(work, 'pull', '-q', factory.remote, 'main');
  git(work, 'revert', '--no-edit', 'HEAD');
  git(work, 'cherry-pick', bad.change.commit);
  git(work, 'push', '-q', factory.remote, 'HEAD:main');
  const held = await ended(await file('held'));
  expect(held).toMatchObject({ state: 'denied', reason: expect.stringContaining('deploy denied') });
  expect(held.gates.at(-1)).toMatchObject({ action: 'deploy', policies: ['quarantine'] });

  const listed = (await api('GET', '/quarantine')).body;
  // What was denied at its deploy is held as well, as what it is: lifting what was rolled back does not let it out.
  const denied = { repo: 'shop', release: held.release, by: 'denied', tickets: [held.ticket] };
  expect(listed).toMatchObject([
    { repo: 'shop', release: bad.release, by: 'canary', tickets: [bad.ticket] },
    denied,
  ]);
  const lift = (token?: string) =>
    api('POST', `/releases/${bad.release}/lift`, { reason: 'the cause was elsewhere' }, token);
  const author = await factory.enrol('ann', 'author');
  expect(await lift(author.token)).toMatchObject({ status: 403 });
  expect(await lift()).toMatchObject({ status: 200, body: { commit: bad.change.commit } });
  expect(await lift()).toMatchObject({ status: 409, body: { code: 'not-quarantined' } });
  expect((await api('GET', '/quarantine')).body).toMatchObject([denied]);
  // Its release brings the change of the path that fell.
  const { end: lifted, gates } = await factory.allowing(token, ended(await file('lifted')));
  expect(lifted).toMatchObject({ state: 'done' });
  expect(gates).toEqual(['deploy']);
  expect(site.read('current')).toBe(lifted.release);
});

test('what was merged on top of it before it was rolled back ships without it', {
  tags: ['long'],
}, async () => {
  const made: Record<string, Record<string, string>> = { bad: { 'a.txt': 'one\nTWO\nthree\n' } };
  const built: SpecOf<'deploy'>[] = [];
  factory = await deployingFactory(
    (site) =>
      site.yaml(
        `  checks:\n    - smoke: while test -e ${site.folder}/hold; do sleep 0.1; done; test ! -e ${site.folder}/broken\n  canary: { bake: 200ms, wait: 60s }\n`,
      ),
    {
      implement: (spec) => made[spec.ticket.title] ?? { [`${spec.ticket.title}.md`]: '# words\n' },
      pause: (spec) => {
        if (spec.role === 'deploy') built.push(spec);
        return null;
      },
    },
  );
  const { site, file, ended, runOf, until } = factory;
  await ended(await file('first'));
  site.write('hold', '');
  const bad = await file('bad', 'bug');
  await until(
    'its canary',
    async () => (await runOf(bad))?.release && site.read('acts').includes((await runOf(bad)).release),
  );
  const innocent = await file('innocent');
  await until('its release', async () => (await runOf(innocent))?.release);
  site.write('broken', '');
  site.remove('hold');
  expect(await ended(bad)).toMatchObject({ state: 'rolled_back' });
  site.remove('broken');
  const run = await ended(innocent);
  expect(run).toMatchObject({ state: 'done' });
  const release = (await factory.api('GET', `/releases/${run.release}`)).body;
  expect(release).toMatchObject({ state: 'live' });
  expect(release.commit).not.toBe(run.delivered.commit);
  const shipped = git(factory.root, '--git-dir', factory.remote, 'show', `${release.commit}:a.txt`);
  expect(shipped).toBe('one\ntwo\nthree');
  expect(git(factory.root, '--git-dir', factory.remote, 'show', `${release.commit}:innocent.md`)).toBe(
    '# words',
  );
  // It answers for its own change alone: the tests that the revert took with it are not missing from it.
  expect(built.at(-1)?.changed.map(({ path }) => path)).toEqual(['innocent.md']);
});
