import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Entry } from '@millwright/domain';
import { describe, expect, it } from 'vitest';
import { ACTS, OWNERS, type Owner } from './owners.ts';
import { silences, touchesOf } from './scan.ts';
import { sources } from './sources.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const types = new Set<string>(Entry.options.map((option) => option.shape.type.value));
const MIGRATIONS = join(ROOT, 'libs/store/src/migrations');

it('finds, in all that ships, nothing that touches the outside without entries around it', () => {
  const files = sources(ROOT).map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
  const sql = readdirSync(MIGRATIONS)
    .map((name) => readFileSync(join(MIGRATIONS, name), 'utf8'))
    .join('\n');
  expect(silences(files, sql, { owners: OWNERS, acts: ACTS, types })).toEqual([]);
});

describe('what a source touches', () => {
  it.each<[string, string[]]>([
    ["import Docker from 'dockerode';", ['docker']],
    ["import type Docker from 'dockerode';", []],
    ["import { type Container } from 'dockerode';", []],
    ["import Anthropic, { APIError } from '@anthropic-ai/sdk';", ['model']],
    ["import { spawn } from 'node:child_process';", ['process']],
    ["import { execFile as run } from 'child_process';", ['process']],
    ["import { readFile, stat } from 'node:fs/promises';", []],
    ["import { readFile, writeFile } from 'node:fs/promises';", ['files']],
    ["import { rmSync } from 'fs';", ['files']],
    ["import fs from 'node:fs';", ['files']],
    ["import * as fs from 'node:fs/promises';", ['files']],
    ["const { rm } = await import('node:fs/promises');", ['files']],
    ['await fetch(url);', ['network']],
    ['await repo.fetch();', []],
    ['class A { async fetch(): Promise<void> {} }', []],
    ["function f(out: import('node:http').ServerResponse) {}", []],
    ["// await fetch('x')\nconst text = 'fetch(1)';", []],
    [
      "import { connect } from 'node:net';\nimport { exec } from 'node:child_process';",
      ['network', 'process'],
    ],
  ])('%s', (source, expected) => {
    expect(touchesOf(source)).toEqual(expected);
  });
});

describe('a silence', () => {
  const FETCHES = 'export const ask = () => fetch("x");';
  const around: Owner = {
    does: 'asks',
    touches: ['network'],
    intent: ['merge.started'],
    outcome: ['merge.finished'],
  };
  const APPENDS = "const a = { type: 'merge.started' };\nconst b = { type: 'merge.finished' };";
  const of = (files: Record<string, string>, owners: Record<string, Owner>, acts: typeof ACTS = []) =>
    silences(
      Object.entries(files).map(([path, text]) => ({ path, text })),
      '',
      { owners, acts, types },
    );

  it.each<[string, Record<string, string>, Record<string, Owner>, string]>([
    [
      'a place that is not listed',
      { 'libs/a/src/x.ts': FETCHES },
      {},
      'libs/a/src/x.ts touches network, and no entries',
    ],
    [
      'a place that touches more than it says',
      { 'libs/a/src/x.ts': `${FETCHES}\nimport { rm } from 'node:fs/promises';`, 'libs/a/src/y.ts': APPENDS },
      { 'libs/a/': around },
      'touches files, which libs/a/ does not say',
    ],
    [
      'a listed place that touches nothing',
      { 'libs/a/src/y.ts': APPENDS },
      { 'libs/a/': around },
      'libs/a/ touches network no more',
    ],
    [
      'an outcome that nothing appends',
      { 'libs/a/src/x.ts': FETCHES, 'libs/a/src/y.ts': "({ type: 'merge.started' })" },
      { 'libs/a/': around },
      'nothing appends merge.finished',
    ],
    [
      'an intent that is no entry',
      { 'libs/a/src/x.ts': FETCHES, 'libs/a/src/y.ts': APPENDS },
      { 'libs/a/': { ...around, intent: ['merge.began' as never] } },
      'merge.began, which is no type of entry',
    ],
    [
      'no intent at all',
      { 'libs/a/src/x.ts': FETCHES, 'libs/a/src/y.ts': APPENDS },
      { 'libs/a/': { ...around, intent: [] } },
      'has no intent or no outcome',
    ],
  ])('is %s', (_, files, owners, expected) => {
    expect(of(files, owners)).toEqual([expect.stringContaining(expected)]);
  });

  it('is none with entries around it, and none in a test or a double', () => {
    const owners = { 'libs/a/': around };
    expect(of({ 'libs/a/src/x.ts': FETCHES, 'libs/a/src/y.ts': APPENDS }, owners)).toEqual([]);
    const doubles = {
      'libs/b/src/x.test.ts': FETCHES,
      'libs/b/src/testing/x.ts': FETCHES,
      'tools/x.ts': FETCHES,
    };
    expect(of({ ...doubles, 'libs/a/src/x.ts': FETCHES, 'libs/a/src/y.ts': APPENDS }, owners)).toEqual([]);
  });

  it('is a call of an act by somebody who is not listed, or who does not name the entries around it', () => {
    const acts: typeof ACTS = [{ call: /\brepo\.push\(/, callers: { 'libs/a/src/x.ts': ['merge.started'] } }];
    expect(of({ 'libs/a/src/x.ts': 'repo.push();' }, {}, acts)).toEqual([
      expect.stringContaining('without merge.started'),
    ]);
    const both = { 'libs/a/src/x.ts': "'merge.started'; repo.push();", 'libs/b/src/z.ts': 'repo.push();' };
    expect(of(both, {}, acts)).toEqual([expect.stringContaining('libs/b/src/z.ts calls')]);
    expect(of({ 'libs/a/src/x.ts': '' }, {}, acts)).toEqual([expect.stringContaining('no more')]);
  });
});
