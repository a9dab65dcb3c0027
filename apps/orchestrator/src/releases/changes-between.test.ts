import { DeployConfig } from '@millwright/domain';
import { expect, test } from 'vitest';
import { differences } from './changes-between.ts';

const config = (more: object) => DeployConfig.parse({ target: 'docker', ...more });

test('names what differs, by its place in the file', () => {
  expect(
    differences(
      config({ env: { LOG_LEVEL: 'debug', A: '1' }, canary: { steps: [10, 100] }, secrets: ['KEY'] }),
      config({ env: { LOG_LEVEL: 'info', A: '1' }, port: 80 }),
    ),
  ).toEqual([
    'canary.steps: [10,100] → [100]',
    'env.LOG_LEVEL: debug → info',
    'port: not set → 80',
    'secrets: ["KEY"] → []',
  ]);
  expect(differences(config({ port: 80 }), config({ port: 80 }))).toEqual([]);
  expect(differences(undefined, config({}))).toContain('target: not set → docker');
});
