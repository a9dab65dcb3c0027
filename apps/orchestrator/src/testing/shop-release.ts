import type { Digest } from '@millwright/domain';
import { report, type Script } from './scripted-runner.ts';

export const shopFiles = (canary: { steps: number[]; bake: string }, more: readonly string[] = []) => ({
  'package.json': '{"name":"shop"}\n',
  'src/x.js': 'export const x = 1;\n',
  'millwright.yaml': [
    'deploy:',
    '  target: docker',
    '  start: node server.js',
    '  port: 8080',
    '  expose: 18080',
    '  health: /healthz',
    `  canary: { steps: [${canary.steps.join(', ')}], bake: ${canary.bake}, minRequests: 0 }`,
    ...more,
    '',
  ].join('\n'),
});

/** Builds a release of whatever was merged; its layer is nobody's bytes, since the target in memory reads none. */
export const shopRelease: NonNullable<Script['release']> = (spec) => ({
  id: spec.release,
  commit: spec.commit,
  tree: spec.tree,
  layer: `sha256:${spec.tree.padEnd(64, '0')}` as Digest,
  image: 'sha256:0',
  test: { ...report(spec.tree, 'passed'), tree: spec.tree },
  notes: '',
  watch: [],
});
