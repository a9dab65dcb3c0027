import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { IMAGE, type Stand, stand } from '@millwright/rollback/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { releaseOf } from '../testing/command-site.ts';
import { type DeployingFactory, deployingFactory } from '../testing/deploying-factory.ts';

let at: Stand;
let factory: DeployingFactory | undefined;
beforeEach(async () => {
  at = await stand();
});
afterEach(async () => {
  await factory?.stop();
  await at.close();
});

const docker = async (...args: string[]) => (await promisify(execFile)('docker', args)).stdout.trim();
const proxy = (line: string) =>
  new Promise<void>((resolve, reject) => {
    const socket = connect(`${at.dataDir}/targets/shop/run/admin.sock`, () => socket.end(`${line}\n`));
    socket.resume().on('close', resolve).on('error', reject);
  });
const answer = async () => {
  try {
    return await (await fetch(`http://127.0.0.1:${at.port}/`, { headers: { connection: 'close' } })).text();
  } catch {
    return 'nobody';
  }
};

test('on the real engine: a container removed by hand, then weights changed by hand, come back and are on the trail', {
  timeout: 180_000,
}, async () => {
  const versions = [await at.release('v1', { version: 'one' }), await at.release('v2', { version: 'two' })];
  factory = await deployingFactory(
    () =>
      `deploy:\n  target: docker\n  start: node server.js\n  port: 8080\n  expose: ${at.port}\n  health: /healthz\n  canary: { bake: 200ms, minRequests: 0 }\n`,
    {
      implement: ({ run }) => ({ [`${run}.md`]: '# words\n' }),
      release: (spec) => ({ ...releaseOf(spec), layer: versions.shift()?.layer as never, image: IMAGE }),
    },
    { healMs: 300 },
    at.target,
  );
  const { ended, file, until } = factory;
  const first = (await ended(await file('first'))).release as string;
  const second = (await ended(await file('second'))).release as string;
  expect(await answer()).toBe('two');
  const healed = () => factory?.factory.views.open.target('shop' as never).healed;

  await docker('rm', '-f', await docker('ps', '-q', '--filter', `label=millwright.release=${second}`));
  await until('the container to come back', async () => healed() === 1 && (await answer()) === 'two');

  await proxy(`set server app/${first}.1 weight 256; set server app/${second}.1 weight 0`);
  await until('the weights to come back', async () => healed() === 2 && (await answer()) === 'two');

  const said = (await factory.api('GET', '/trail?type=target.healed')).body as { data: { reason: string } }[];
  expect(said.map((line) => line.data.reason).join('\n')).toMatch(/0 of 1 replicas[\s\S]*rel_\w+ 100 %/);
  // Healing alone files no ticket. What had to be healed again, as where a machine is too slow to see the first, is an incident.
  const filed = (await factory.api('GET', '/tickets')).body as object[];
  expect(filed.filter((one) => !JSON.stringify(one).includes('healing repeats'))).toHaveLength(2);
});
