import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { javascript } from '@millwright/toolchains';
import { expect, test } from 'vitest';
import { workspaceFacts } from './workspace-facts.ts';

test('programs that scripts call and that are nowhere are named, once each', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millwright-facts-'));
  const scripts = {
    pretest: 'true',
    test: 'node --test && no-such-linter . | cat',
    lint: 'CI=1 no-such-linter --fix; cd src',
    types: 'no-such-checker && ./own.sh',
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ scripts }));
  try {
    const facts = await workspaceFacts(
      javascript,
      {
        exec: async (command) => {
          const output = execFileSync('/bin/sh', ['-c', command], { cwd: folder, encoding: 'utf8' });
          return { kind: 'exited', exitCode: 0, output, droppedBytes: 0, ms: 0 };
        },
      },
      { kind: 'unprepared', code: 'none', reason: 'nobody asked' },
      false,
    );
    expect(facts[0]).toMatch(/^tools: node v\d+\.\d+\.\d+, npm \d+\.\d+\.\d+/);
    expect(facts).toContain('package.json scripts: pretest, test, lint, types');
    expect(facts).toContain('npm test is pretest: true; test: node --test && no-such-linter . | cat');
    expect(facts).toContain('called by its scripts, and not there: no-such-linter, no-such-checker');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
