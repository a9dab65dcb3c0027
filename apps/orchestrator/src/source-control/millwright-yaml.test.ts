import { describe, expect, it } from 'vitest';
import { parseMillwrightYaml } from './millwright-yaml.ts';

describe('millwright.yaml', () => {
  it('is its defaults where absent', () => {
    expect(parseMillwrightYaml(null)).toMatchObject({
      kind: 'config',
      config: { installScripts: false, autonomy: 7, protected: [] },
    });
  });

  it('reads the whole of it', () => {
    const text = `install: npm ci\ntest: npm test\nprotected: ["migrations/**"]\nautonomy: 6\ndeploy:\n  target: docker\n  start: node server.js\n  port: 8080\n  expose: 18080\n  env: { LOG_LEVEL: info, N: 3 }\n  secrets: [DATABASE_URL]\n  volumes: { data: /var/lib/shop }\n  health: /healthz\n  canary: { steps: [10, 50, 100], bake: 20s }\n  rollbackWhen: { errorRate: 0.02, p95Ratio: 1.5, restarts: 1 }\n`;
    expect(parseMillwrightYaml(text)).toMatchObject({
      kind: 'config',
      config: { deploy: { canary: { steps: [10, 50, 100], bake: 20_000 }, env: { N: '3' } } },
    });
  });

  it.each([
    ['test: npm test\nfoo: 1\n', 'millwright.yaml line 2: unknown key foo'],
    [
      'deploy:\n  target: docker\n  canary:\n    stepz: [1]\n',
      'millwright.yaml line 4: unknown key deploy.canary.stepz',
    ],
    ['deploy:\n  target: moon\n', /line 2: deploy\.target/],
    ['test: a\ntest: b\n', /line 2: .*unique/],
    ['a: [1\nb: 2\n', /line \d+: /],
    ['deploy: { target: docker, canary: { bake: 20 } }', /line 1: deploy\.canary\.bake/],
    ['deploy:\n  target: docker\n  secrets: [GIT_TOKEN]\n', /line 3: deploy\.secrets.*never for a release/],
    ['- a\n', /line 1/],
    [
      'deploy:\n  target: docker\n  secrets: [MILLWRIGHT_ALERTS]\n',
      /line 3: .*MILLWRIGHT_ALERTS is reserved/,
    ],
    ['deploy: { target: docker, secrets: [millwright_x] }', /reserved/],
    ['deploy: { target: docker, secrets: [LD_PRELOAD] }', /reserved/],
    ['deploy: { target: docker, secrets: [GIT_SSH_COMMAND] }', /reserved/],
    ['deploy:\n  target: docker\n  health: "/ x"\n', /line 3: deploy\.health: .*%20/],
    ['deploy: { target: docker, health: "/x\\r\\nHost: y" }', /deploy\.health/],
    ['deploy: { target: docker, health: "/é" }', /deploy\.health/],
    ['deploy: { target: docker, checks: [{ http: "/ x" }] }', /deploy\.checks/],
    [`protected: ["${'{a,b}'.repeat(30)}"]`, /protected\.0: .*three/],
    [`protected: [${'"x",'.repeat(101)}]`, /protected/],
    ['a: &a [x,x,x]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n', /line 1: .*aliases/],
    [`a: ${'['.repeat(30_000)}`, /line 1: it is nested too deep/],
  ])('names the line of what is wrong: %j', (text, message) => {
    const result = parseMillwrightYaml(text);
    expect(result).toMatchObject({
      kind: 'invalid',
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
  });
});
