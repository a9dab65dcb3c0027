import { setTimeout as sleep } from 'node:timers/promises';
import type { BackgroundCommand, Workspace } from '@millwright/domain';

// Commands that run beside the conversation, by names that the model gives them. They end with the attempt's process: a resumed one has none.

/** What a command of the bash tool asks for by its first line, where that is something about a command beside. */
export type Asked =
  | { kind: 'start'; name: string; command: string }
  | { kind: 'read'; name: string; waitMs: number }
  | { kind: 'stop'; name: string };

const LINE = /^\s*#\s*(background|output|stop):[ \t]*([\w.-]{1,40})(?:[ \t]+(\d{1,4}))?[ \t]*(?:\n|$)/i;

export function askedBeside(command: string): Asked | null {
  const found = LINE.exec(command);
  if (found === null) return null;
  const [line, verb = '', name = '', seconds] = found;
  switch (verb.toLowerCase()) {
    case 'background':
      return { kind: 'start', name, command: command.slice(line.length) };
    case 'output':
      return { kind: 'read', name, waitMs: Number(seconds ?? 0) * 1_000 };
    default:
      return { kind: 'stop', name };
  }
}

/** Whether a call only looks at a command beside: that may say the same for long, and nobody is stuck. */
export const looksBeside = (tool: string, input: unknown): boolean =>
  tool === 'bash' &&
  typeof input === 'object' &&
  input !== null &&
  'command' in input &&
  typeof input.command === 'string' &&
  askedBeside(input.command)?.kind === 'read';

/** Between two looks while output is waited for. */
const LOOK_MS = 50;

export type Said = { ok: boolean; output: string; note: string; droppedBytes: number };

export class BesideCommands {
  readonly #workspace: Pick<Workspace, 'start'>;
  readonly #commands = new Map<string, BackgroundCommand>();

  constructor(workspace: Pick<Workspace, 'start'>) {
    this.#workspace = workspace;
  }

  async do(asked: Asked, signal: AbortSignal): Promise<Said> {
    const said = (ok: boolean, note: string): Said => ({ ok, note, output: '', droppedBytes: 0 });
    const known = this.#commands.get(asked.name);
    if (asked.kind === 'start') {
      if (asked.command.trim() === '') return said(false, 'there is no command below the first line');
      // A name can be used again once its command is over.
      if (known !== undefined && known.read().ended === null)
        return said(false, `${asked.name} runs already: stop it first, or take another name`);
      const started = await this.#workspace.start(asked.command);
      if (started.kind === 'refused') return said(false, `not started: ${started.reason}`);
      this.#commands.set(asked.name, started.command);
      return said(true, `${asked.name} is started`);
    }
    if (known === undefined) {
      const names = [...this.#commands.keys()].join(', ') || 'none';
      return said(false, `there is no command ${asked.name} in the background; there are: ${names}`);
    }
    if (asked.kind === 'stop') await known.stop();
    return waited(known, asked.name, asked.kind === 'read' ? asked.waitMs : 0, signal);
  }

  async end(): Promise<void> {
    await Promise.all([...this.#commands.values()].map((one) => one.stop()));
  }
}

/** What is new, as soon as there is something, the command is over, or so long has passed. */
async function waited(
  command: BackgroundCommand,
  name: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<Said> {
  for (let left = waitMs; ; left -= LOOK_MS) {
    const { output, droppedBytes, ended } = command.read();
    if (output !== '' || ended !== null || left <= 0 || signal.aborted)
      return {
        ok: true,
        output,
        droppedBytes,
        note: ended === null ? `${name} runs` : `${name} ended: ${ended}`,
      };
    await sleep(Math.min(LOOK_MS, left), undefined, { signal }).catch(() => undefined); // the next look ends it
  }
}
