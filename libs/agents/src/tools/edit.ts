import type { Workspace } from '@millwright/domain';
import { bounded } from './bound.ts';
import type { EditInput } from './inputs.ts';
import type { Picture } from './picture.ts';

/** Files over this are neither shown nor edited whole; bash can. */
const MAX_FILE = 1024 * 1024;

/** `picture`: shown beside the text. */
export type ToolOutcome = { ok: boolean; text: string; changed: boolean; picture?: Picture };
const no = (text: string): ToolOutcome => ({ ok: false, text, changed: false });

/**
 * A path as the workspace takes it: relative to its root. Models name files absolutely, under the root they are told of.
 * Null when it points outside; the workspace checks again, with links followed.
 */
export function inside(path: string, root: string): string | null {
  const relative = path === root ? '.' : path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
  if (relative.startsWith('/') || relative.includes('\0')) return null;
  const parts: string[] = [];
  for (const part of relative.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (parts.pop() === undefined) return null;
    } else parts.push(part);
  }
  return parts.length === 0 ? '.' : parts.join('/');
}

export async function runEdit(workspace: Workspace, path: string, input: EditInput): Promise<ToolOutcome> {
  if (input.command === 'create') return written(workspace, path, input.file_text, `wrote ${path}`);
  const found = await workspace.read(path, MAX_FILE);
  if (found.kind === 'refused') return no(`${path}: ${found.reason}`);
  if (found.kind === 'absent') return no(`${path} does not exist`);
  if (found.kind === 'directory')
    return input.command === 'view'
      ? { ok: true, text: bounded(found.entries.join('\n') || '(empty folder)'), changed: false }
      : no(`${path} is a folder`);
  if (input.command === 'view') return view(found.content, input.view_range, found.truncated);
  if (found.truncated) return no(`${path} is over ${MAX_FILE} bytes; edit it with bash`);
  if (input.command === 'insert') return insert(workspace, path, found.content, input);
  return replace(workspace, path, found.content, input);
}

function view(
  content: string,
  range: readonly [number, number] | undefined,
  truncated: boolean,
): ToolOutcome {
  const lines = content.split('\n');
  const [from, to] = range ?? [1, -1];
  if (from < 1 || from > lines.length)
    return no(`view_range begins at ${from}; the file has ${lines.length} lines`);
  const shown = lines.slice(from - 1, to === -1 ? undefined : Math.max(from, to));
  const numbered = shown.map((line, index) => `${from + index}\t${line}`).join('\n');
  return {
    ok: true,
    text: bounded(truncated ? `${numbered}\n[the file goes on]` : numbered),
    changed: false,
  };
}

async function insert(
  workspace: Workspace,
  path: string,
  content: string,
  input: Extract<EditInput, { command: 'insert' }>,
): Promise<ToolOutcome> {
  const lines = content.split('\n');
  if (input.insert_line > lines.length)
    return no(`insert_line is ${input.insert_line}; the file has ${lines.length} lines`);
  const text = input.insert_text.replace(/\n$/, '');
  const next = [...lines.slice(0, input.insert_line), text, ...lines.slice(input.insert_line)].join('\n');
  const done = await written(workspace, path, next, `inserted after line ${input.insert_line} of ${path}`);
  return around(done, next, input.insert_line + 1, text.split('\n').length);
}

async function replace(
  workspace: Workspace,
  path: string,
  content: string,
  input: Extract<EditInput, { command: 'str_replace' }>,
): Promise<ToolOutcome> {
  // Split, not String.replace: `$&` and its like in a replacement are text here.
  const parts = content.split(input.old_str);
  if (parts.length === 1)
    return no(`old_str was not found in ${path}; it must match exactly, white space included`);
  if (parts.length > 2)
    return no(`old_str occurs ${parts.length - 1} times in ${path}; give more lines around it`);
  const next = parts.join(input.new_str);
  const done = await written(workspace, path, next, `edited ${path}`);
  const line = (parts[0] ?? '').split('\n').length;
  return around(done, next, line, input.new_str.split('\n').length);
}

/** Lines shown before and after what was written, and of it at most. */
const AROUND = 3;
const MOST = 40;

/** The outcome with the lines around what was written, as `view` shows them, so that nobody has to look. */
function around(outcome: ToolOutcome, content: string, line: number, count: number): ToolOutcome {
  if (!outcome.ok) return outcome;
  const lines = content.split('\n');
  const from = Math.max(1, line - AROUND);
  const to = Math.min(lines.length, line + Math.min(count, MOST) - 1 + AROUND);
  const shown = lines.slice(from - 1, to).map((one, index) => `${from + index}\t${bounded(one, 500)}`);
  return { ...outcome, text: `${outcome.text}\n${shown.join('\n')}` };
}

async function written(
  workspace: Workspace,
  path: string,
  content: string,
  done: string,
): Promise<ToolOutcome> {
  const result = await workspace.write(path, content);
  return result.kind === 'written'
    ? { ok: true, text: done, changed: true }
    : no(`${path}: ${result.reason}`);
}
