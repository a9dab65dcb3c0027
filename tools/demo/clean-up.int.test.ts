import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { afterEach, expect, it } from 'vitest';
import { cleanUp } from './clean-up.ts';

// On the real engine: what carries the demo's factory is removed, and what carries another's is not touched.
const engine = new Docker();
const mine = `fac_demo${process.pid}`;
const other = `fac_other${process.pid}`;

const make = async (factory: string) => {
  const Labels = { 'millwright.factory': factory };
  await engine.createVolume({ Name: factory, Labels });
  await engine.createNetwork({ Name: factory, Labels });
};
const left = async (factory: string) => {
  const filters = { label: [`millwright.factory=${factory}`] };
  const { Volumes } = await engine.listVolumes({ filters });
  return (Volumes ?? []).length + (await engine.listNetworks({ filters })).length;
};

afterEach(async () => {
  for (const factory of [mine, other]) {
    const filters = { label: [`millwright.factory=${factory}`] };
    for (const network of await engine.listNetworks({ filters }))
      await engine.getNetwork(network.Id).remove();
    for (const volume of (await engine.listVolumes({ filters })).Volumes ?? [])
      await engine.getVolume(volume.Name).remove();
  }
});

it('removes the folder and what its factory made, and nothing of another factory', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millwright-demo-test-'));
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'data/identity.json'), JSON.stringify({ factory: mine }));
  await make(mine);
  await make(other);
  await cleanUp(folder);
  expect(existsSync(folder)).toBe(false);
  expect(await left(mine)).toBe(0);
  expect(await left(other)).toBe(2);
});
