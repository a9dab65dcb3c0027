import { afterAll, beforeAll, expect, test } from 'vitest';
import { FolderWorkspace } from '../testing/doubles.ts';
import { runEdit } from './edit.ts';
import type { EditInput } from './inputs.ts';

let workspace: FolderWorkspace;
beforeAll(async () => {
  workspace = await FolderWorkspace.make({
    'a.txt': 'one\ntwo\nthree\n',
    'twice.txt': 'x x',
    'big.txt': 'y'.repeat(2_000_000),
  });
});
afterAll(() => workspace.remove());

const content = async (path: string) => {
  const found = await workspace.read(path, 1_000);
  return found.kind === 'file' ? found.content : found.kind;
};

test.each<[string, string, EditInput, boolean, RegExp]>([
  ['view', 'a.txt', { command: 'view', path: 'a.txt' }, true, /^1\tone\n2\ttwo\n3\tthree\n4\t$/],
  [
    'view of lines',
    'a.txt',
    { command: 'view', path: 'a.txt', view_range: [2, 3] },
    true,
    /^2\ttwo\n3\tthree$/,
  ],
  [
    'view to the end',
    'a.txt',
    { command: 'view', path: 'a.txt', view_range: [3, -1] },
    true,
    /^3\tthree\n4\t$/,
  ],
  [
    'view past the end',
    'a.txt',
    { command: 'view', path: 'a.txt', view_range: [9, -1] },
    false,
    /has 4 lines/,
  ],
  ['view of a folder', '.', { command: 'view', path: '.' }, true, /a\.txt/],
  ['view of nothing', 'none', { command: 'view', path: 'none' }, false, /does not exist/],
  [
    'view of a big file is bounded',
    'big.txt',
    { command: 'view', path: 'big.txt' },
    true,
    /more characters were cut/,
  ],
  [
    'replace of what is not there',
    'a.txt',
    { command: 'str_replace', path: 'a.txt', old_str: 'four', new_str: '' },
    false,
    /not found/,
  ],
  [
    'replace of what is there twice',
    'twice.txt',
    { command: 'str_replace', path: 'twice.txt', old_str: 'x', new_str: '' },
    false,
    /occurs 2 times/,
  ],
  [
    'replace in a big file',
    'big.txt',
    { command: 'str_replace', path: 'big.txt', old_str: 'y', new_str: '' },
    false,
    /edit it with bash/,
  ],
  [
    'insert past the end',
    'a.txt',
    { command: 'insert', path: 'a.txt', insert_line: 9, insert_text: 'x' },
    false,
    /has 4 lines/,
  ],
])('%s', async (_, path, input, ok, text) => {
  const outcome = await runEdit(workspace, path, input);
  expect(outcome.ok).toBe(ok);
  expect(outcome.text).toMatch(text);
  expect(outcome.text.length).toBeLessThanOrEqual(30_000);
  expect(outcome.changed).toBe(false);
});

test('create, replace and insert write; a $ in a replacement is a $', async () => {
  await runEdit(workspace, 'new/b.txt', { command: 'create', path: 'new/b.txt', file_text: 'a\nb\n' });
  await runEdit(workspace, 'new/b.txt', {
    command: 'str_replace',
    path: 'new/b.txt',
    old_str: 'b',
    new_str: "$& $' c",
  });
  const outcome = await runEdit(workspace, 'new/b.txt', {
    command: 'insert',
    path: 'new/b.txt',
    insert_line: 0,
    insert_text: 'top\n',
  });
  expect(outcome).toMatchObject({ ok: true, changed: true });
  expect(await content('new/b.txt')).toBe("top\na\n$& $' c\n");
});
