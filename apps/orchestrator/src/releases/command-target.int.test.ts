import { createServer } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { type DeployingFactory, deployingFactory } from '../testing/deploying-factory.ts';

let factory: DeployingFactory;
afterEach(() => factory.stop());
// Bounded by their own waits: three runs on a busy machine.
test('a repository’s own commands bring its release out, with the one credential they need; a smoke command that fails takes it back', async () => {
  const evidence: string[][] = [];
  factory = await deployingFactory(
    (site) =>
      site.yaml(
        `  checks:\n    - smoke: test ! -e ${site.folder}/broken\n  secrets: [DEPLOY_TOKEN]\n  canary: { bake: 300ms }\n`,
      ),
    {
      plan: (spec) => {
        evidence.push(spec.evidence);
        const task = { id: 'a', title: 'a', instructions: 'do', dependsOn: [], acceptance: [] };
        return { kind: 'tasks', summary: 'do it', tasks: [task] } as never;
      },
      implement: ({ run }) => ({ 'notes.md': `# ${run}\n` }),
    },
  );
  const { site, file, ended } = factory;
  const { token } = await factory.enrol('ann', 'approver');
  await factory.api('POST', '/repos/shop/secrets', { name: 'DEPLOY_TOKEN', value: 'a token' });
  await factory.api('POST', '/repos/shop/secrets', { name: 'OTHER_TOKEN', value: 'another token' });
  const first = await ended(await file('first'));
  expect(first).toMatchObject({ state: 'done', release: expect.stringMatching(/^rel_/) });
  expect(site.read('current')).toBe(first.release);
  const names = site.read('names').trim().split(' ');
  expect(names).toContain('DEPLOY_TOKEN');
  expect(
    names.filter((name) => !/^(DEPLOY_TOKEN|HOME|LANG|PATH|PWD|OLDPWD|_|MILLWRIGHT_\w+)$/.test(name)),
  ).toEqual([]);
  expect(names).not.toContain('MILLWRIGHT_ADMIN_TOKEN_HASH');

  site.write('broken', '');
  const ticket = await file('second');
  expect(await ended(ticket)).toMatchObject({ state: 'rolled_back' });
  expect(site.read('current')).toBe(first.release);
  expect(site.read('acts').trim().split('\n').at(-1)).toBe(`rollback ${first.release}`);
  const reopened = await factory.until('the ticket to reopen', async () => {
    const { body } = await factory.api('GET', `/tickets/${ticket}`);
    return body.state === 'reopened' ? body : null;
  });
  expect(reopened.evidence.join()).toMatch(/check smoke test ! -e .*exit code 1/);

  // The next plan is given what was seen.
  site.remove('broken');
  await factory.api('POST', `/tickets/${ticket}/answers`, { text: 'try again', again: true });
  // Features have lost steps by it: a person merges the next one and lets it out.
  const { end, gates } = await factory.allowing(token, ended(ticket, 2));
  expect([end.state, gates]).toEqual(['done', ['merge', 'deploy']]);
  expect(evidence.at(-1)?.join()).toMatch(/exit code 1/);
});

test('a canary that cannot be judged pauses, says what it needs, never promotes, and goes back after its wait', {
  tags: ['long'],
}, async () => {
  let value: string | null = '0.5';
  const prometheus = createServer((_request, response) => {
    const result = value === null ? [] : [{ metric: {}, value: [0, value] }];
    response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }));
  });
  await new Promise<void>((resolve) => prometheus.listen(0, '127.0.0.1', resolve));
  const { port } = prometheus.address() as { port: number };
  try {
    const check = `  checks:\n    - { prometheus: "http://127.0.0.1:${port}", query: 'errors{release="{{release}}"}', max: 1 }\n`;
    factory = await deployingFactory((site) => site.yaml(`${check}  canary: { bake: 300ms, wait: 12s }\n`), {
      implement: ({ run }) => ({ 'notes.md': `# ${run}\n` }),
    });
    const { site, file, ended, runOf } = factory;
    const first = await ended(await file('first'));
    expect(first.state).toBe('done');
    value = null;
    const ticket = await file('second');
    const paused = await factory.until('the pause', async () => {
      const run = await runOf(ticket);
      return run?.state === 'waiting' ? run : null;
    });
    expect(paused.reason).toMatch(
      /^the canary pauses at 100 % .*the query has no data; it needs check prome/,
    );
    const why = (await factory.api('GET', `/runs/${paused.id}/why`)).body;
    expect(why.because[0].text).toMatch(/inconclusive: .*it needs .*it pauses, and goes back unless/);
    expect(why.next.hint).toMatch(/never promotes/);
    const run = await ended(ticket);
    expect(run.state).toBe('rolled_back');
    expect(run.reason).toMatch(/the query has no data; it needs check prometheus/);
    expect(site.read('current')).toBe(first.release);
    // Nothing was found to be bad.
    expect((await factory.api('GET', '/repos')).body).toMatchObject([{ step: 6, demoted: [] }]);
  } finally {
    prometheus.close();
  }
});

test('a target that cannot go back is refused for unattended deploys, and two people may let one out', async () => {
  factory = await deployingFactory((site) =>
    site.yaml('  canary: { bake: 300ms, minRequests: 0 }\n', ['deploy', 'activate', 'status']),
  );
  const { site, file, ended, runOf } = factory;
  expect(factory.raised).toMatchObject({
    status: 422,
    body: {
      code: 'cannot-go-back',
      detail: expect.stringContaining('no deploy.commands.rollback'),
      acts: [expect.objectContaining({ act: 'set-autonomy', repo: 'shop', step: 5 })],
    },
  });
  expect(await factory.api('POST', '/repos/shop/autonomy', { step: 5, reason: 'attended' })).toMatchObject({
    status: 200,
  });
  const people = [await factory.enrol('ann', 'approver'), await factory.enrol('bob', 'approver')];
  const ticket = await file('first');
  const gate = await factory.until('the deploy gate', async () => {
    const run = await runOf(ticket);
    for (const one of run?.gates ?? [])
      if (one.action === 'merge' && one.state === 'waiting')
        await factory.api('POST', `/gates/${one.id}/approve`, { reason: 'ok' }, people[0]?.token);
    return run?.gates.find(
      (one: { action: string; state: string }) => one.action === 'deploy' && one.state === 'waiting',
    );
  });
  expect(gate).toMatchObject({ approvalsNeeded: 2, reason: expect.stringContaining('cannot be undone') });
  // While one approval is being judged, the next is asked to try again.
  for (const { token } of people)
    await factory.until('the gate to take it', async () => {
      const answer = await factory.api('POST', `/gates/${gate.id}/approve`, { reason: 'ok' }, token);
      return answer.status === 200;
    });
  const run = await ended(ticket);
  expect(run).toMatchObject({ state: 'done' });
  expect(site.read('current')).toBe(run.release);
});
