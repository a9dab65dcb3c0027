import type { Role } from '@millwright/domain';
import { z } from 'zod';
import { MAX_ARGUMENTS, type ToolCall } from '../model/assemble.ts';
import { inside } from './edit.ts';
import { BASH, BashInput, EDIT, EditInput } from './inputs.ts';

// What a tool call of a model comes to, before anything runs: one tagged result. A model's arguments are hostile input: they are
// parsed by strict schemas and never merged into anything, so `__proto__` is one more unknown key.

/** What a role may call. `writes` names where the edit tool may write: anywhere, under one folder, or nowhere (then it is not offered). */
export type Grant = {
  role: Role;
  submit: string;
  writes: 'anywhere' | 'nowhere' | { under: string };
  root: string;
};

type Refusal =
  | 'unknown_tool'
  | 'bad_arguments'
  | 'too_large'
  | 'foreign_submit'
  | 'second_submit'
  | 'blocked'
  | 'after_submit';

export type Prepared =
  | { kind: 'bash'; input: BashInput; action: string }
  | { kind: 'edit'; input: EditInput; path: string; action: string }
  /** The submit's own schema is checked by its role. */
  | { kind: 'submit'; value: unknown; action: string }
  | { kind: 'refused'; why: Refusal; message: string; action: string };

const FOREIGN = /^submit_/;

export function prepareToolCall(call: ToolCall, grant: Grant): Prepared {
  const refused = (why: Refusal, message: string): Prepared => ({
    kind: 'refused',
    why,
    message,
    action: `refused ${call.name}`,
  });
  const offered = [BASH, ...(grant.writes === 'nowhere' ? [] : [EDIT]), grant.submit];
  if (!offered.includes(call.name)) {
    return FOREIGN.test(call.name)
      ? refused(
          'foreign_submit',
          `${call.name} belongs to another role; as ${grant.role} you submit with ${grant.submit}`,
        )
      : refused(
          'unknown_tool',
          `there is no tool ${call.name.slice(0, 100)}; there are ${offered.join(', ')}`,
        );
  }
  if (call.input.kind === 'huge')
    return refused(
      'too_large',
      `the arguments have ${call.input.bytes} bytes; ${MAX_ARGUMENTS} at most. Nothing was run. Write large files in parts`,
    );
  if (call.input.kind === 'malformed')
    return refused(
      'bad_arguments',
      'the arguments are not JSON (cut off, or badly quoted). Nothing was run. Call again',
    );
  const value = call.input.value;
  if (call.name === grant.submit) return { kind: 'submit', value, action: grant.submit };
  if (call.name === BASH) {
    const parsed = BashInput.safeParse(value);
    if (!parsed.success) return refused('bad_arguments', `bash: ${z.prettifyError(parsed.error)}`);
    return { kind: 'bash', input: parsed.data, action: `bash ${parsed.data.command ?? 'restart'}` };
  }
  const parsed = EditInput.safeParse(value);
  if (!parsed.success) return refused('bad_arguments', `${EDIT}: ${z.prettifyError(parsed.error)}`);
  const path = inside(parsed.data.path, grant.root);
  if (path === null)
    return refused('blocked', `${parsed.data.path} lies outside the workspace ${grant.root}`);
  const blocked = blockedWrite(parsed.data.command, path, grant);
  if (blocked !== null) return refused('blocked', blocked);
  const verb = parsed.data.command === 'view' ? 'view' : 'edit';
  return { kind: 'edit', input: parsed.data, path, action: `${verb} ${path}` };
}

function blockedWrite(command: EditInput['command'], path: string, grant: Grant): string | null {
  if (command === 'view') return null;
  if (path === '.git' || path.startsWith('.git/')) return '.git is not yours to write';
  if (typeof grant.writes === 'string') return null;
  const { under } = grant.writes;
  return path.startsWith(`${under}/`) ? null : `as ${grant.role} you write under ${under}/ only`;
}
