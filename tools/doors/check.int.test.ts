import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const CHECK = fileURLToPath(new URL('check.ts', import.meta.url));
const made: string[] = [];

function repository(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'millwright-doors-'));
  made.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

function runCheck(root: string): { readonly code: number; readonly lines: readonly string[] } {
  try {
    const out = execFileSync(process.execPath, [CHECK, root], { encoding: 'utf8' });
    return { code: 0, lines: out.trimEnd().split('\n') };
  } catch (error) {
    if (!(error instanceof Error && 'status' in error && 'stdout' in error)) throw error;
    return { code: Number(error.status), lines: String(error.stdout).trimEnd().split('\n') };
  }
}

afterEach(() => {
  for (const root of made.splice(0)) rmSync(root, { recursive: true });
});

describe('the check as a command', () => {
  it('prints a line a violation with its place, and ends with 1', () => {
    const root = repository({
      'apps/cli/package.json': '{\n  "dependencies": {\n    "pg": "1.0.0"\n  }\n}\n',
      'apps/cli/src/main.ts': "// The CLI.\nimport { a } from '@millwright/store';\n",
      'libs/store/package.json': '{}',
      'libs/store/node_modules/x/index.js': "import 'pg';",
      'libs/store/.types/a.d.ts': "import 'pg';",
    });
    expect(runCheck(root)).toEqual({
      code: 1,
      lines: [
        'apps/cli/package.json:3 declares pg: it has one owner; allowed: libs/queue',
        'apps/cli/src/main.ts:2 imports @millwright/store: no door from apps/cli; allowed: domain, audit/proof',
        '2 broken in 1 files',
      ],
    });
  });

  it('ends with 0 where all is well', () => {
    const root = repository({
      'libs/domain/package.json': '{ "dependencies": { "zod": "4.0.0" } }',
      'libs/domain/src/index.ts': "import { z } from 'zod';\nexport const text = z.string();\n",
    });
    expect(runCheck(root)).toEqual({ code: 0, lines: ['1 files keep to the doors'] });
  });
});
