import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { Turn } from './script.ts';
import { type Block, isRecord, roleOf, textOf, turnOf, type WireRequest } from './wire.ts';

// The model's seat, taken by a person or another program: each request is written as a file that can be read, and its answer comes from a file.
// The request waits meanwhile, kept alive by pings, so that nothing is paid twice for and nobody has to hurry.

/** Between two looks for an answer. */
const LOOK_MS = 250;

export type ByHand = {
  /** The turn that somebody answers with; null when `gone` says that nobody waits for it any more. */
  answer(request: WireRequest, attempt: string, gone: AbortSignal): Promise<Turn | null>;
};

/** `folder` is made where it is not there. Of each request: `NNN-<role>.md`, and beside it the answer, `NNN-<role>.yaml`, as the seat writes it. */
export function answersByHand(folder: string, say: (line: string) => void): ByHand {
  mkdirSync(folder, { recursive: true });
  // What an earlier process asked, and what it was answered, stays as it is.
  let made = Math.max(0, ...readdirSync(folder).map((name) => Number.parseInt(name, 10) || 0));
  /** How much of each conversation was written already. */
  const shown = new Map<string, number>();
  return {
    async answer(request, attempt, gone) {
      made += 1;
      const name = `${String(made).padStart(3, '0')}-${roleOf(request) ?? 'other'}`;
      const asked = join(folder, `${name}.md`);
      const answer = join(folder, `${name}.yaml`);
      const key = `${attempt}\n${textOf(request.messages[0]?.content ?? [])}`;
      const from = shown.get(key) ?? 0;
      writeFileSync(asked, page(request, attempt, from, `${name}.yaml`));
      shown.set(key, request.messages.length);
      say(`${asked} waits for ${answer}`);
      try {
        return await read(answer, gone, say);
      } finally {
        if (gone.aborted) {
          rmSync(asked, { force: true });
          // Asked again, it is as new: nobody has seen what the page had.
          shown.set(key, from);
        }
      }
    },
  };
}

/** Waits for a whole answer. What cannot be read is said, once, beside the answer and on the terminal; then it is waited for again. */
async function read(file: string, gone: AbortSignal, say: (line: string) => void): Promise<Turn | null> {
  let last = '';
  while (!gone.aborted) {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (text.trim() !== '' && text !== last) {
      const parsed = turnIn(text);
      if (parsed.kind === 'turn') {
        rmSync(`${file}.wrong`, { force: true });
        return parsed.turn;
      }
      // Half of a file that is being written reads as a mistake: it is believed when it stays so.
      await sleep(LOOK_MS);
      if (existsSync(file) && readFileSync(file, 'utf8') === text) {
        last = text;
        writeFileSync(`${file}.wrong`, `${parsed.problem}\n`);
        const [what] = parsed.problem.split('\n');
        say(`${file} is no answer: ${what}; write it anew: its request still waits`);
      }
      continue;
    }
    await sleep(LOOK_MS, undefined, { signal: gone }).catch(() => undefined); // the loop's condition sees it
  }
  return null;
}

/** An answer is a turn of a script (docs/recorded-model.md), as YAML or JSON. */
export function turnIn(text: string): { kind: 'turn'; turn: Turn } | { kind: 'wrong'; problem: string } {
  const wrong = (problem: string) => ({ kind: 'wrong', problem }) as const;
  const [document, another] = parseAllDocuments(text.replace(/^\uFEFF/, ''));
  const broken = document?.errors[0];
  if (broken !== undefined) return wrong(`it is neither JSON nor YAML: ${broken.message}`);
  if (another !== undefined) return wrong('there is more than one answer in it');
  let value: unknown;
  try {
    value = document?.toJS();
  } catch (error) {
    if (error instanceof ReferenceError) return wrong(error.message); // its aliases
    throw error;
  }
  if (!isRecord(value))
    return wrong('an answer is an object, such as {"say": "…"} or {"tools": [{"bash": "npm test"}]}');
  const parsed = Turn.safeParse(
    Array.isArray(value.tools) ? { ...value, tools: value.tools.map(called) } : value,
  );
  return parsed.success ? { kind: 'turn', turn: parsed.data } : wrong(z.prettifyError(parsed.error));
}

/** A call by the tool's own name, as the pages show it, is one by the short name. */
function called(call: unknown): unknown {
  if (!isRecord(call)) return call;
  const short = (name: string) =>
    name.startsWith('submit_') ? 'submit' : name.includes('edit') ? 'edit' : name;
  return Object.fromEntries(Object.entries(call).map(([name, input]) => [short(name), input]));
}

/** What is new since the last request of the conversation; the first one whole, with system prompt and tools. */
function page(request: WireRequest, attempt: string, from: number, answer: string): string {
  const { model, max_tokens: most } = request;
  const offers = (part: string) => request.tools.some(({ name }) => String(name).includes(part));
  const submits = request.tools.find(({ name }) => String(name).startsWith('submit'))?.name;
  const ways = [
    ...(offers('bash') ? ['bash: npm test'] : []),
    ...(offers('edit')
      ? [
          'edit: { command: view, path: /workspace/a.js }   # or str_replace (old_str, new_str), insert (insert_line, insert_text), create (file_text)',
        ]
      : []),
    `submit: { summary: …, … }   # calls ${submits}, which ends your work; alone`,
  ];
  const head = [
    `# ${roleOf(request) ?? 'a request'}, turn ${turnOf(request) + 1} of ${attempt}`,
    `Model ${model}, an answer of at most ${most} tokens. Write it into \`${answer}\`:`,
    [
      '```yaml',
      'say: what you say, or leave it out',
      'tools:',
      ...ways.map((way) => `  - ${way}`),
      '```',
    ].join('\n'),
  ];
  const first =
    from === 0
      ? [
          '## System',
          textOf(request.system),
          '## Tools',
          ...request.tools.map((tool) => `- ${tool.name}${described(tool)}`),
        ]
      : [];
  const messages = request.messages.slice(from).map((message) => {
    const who = message.role === 'user' ? 'You are told' : 'You said';
    return `## ${who}\n\n${message.content.map(blockText).join('\n\n')}`;
  });
  return `${[...head, ...first, ...messages].join('\n\n')}\n`;
}

function described(tool: Readonly<Record<string, unknown>>): string {
  const { description, input_schema: schema } = tool;
  const properties = isRecord(schema) ? ` \`${JSON.stringify(schema.properties)}\`` : '';
  return typeof description === 'string' ? `: ${description}${properties}` : properties;
}

/** As it was written, where it is one text. */
function inputText(input: unknown): string {
  const values = isRecord(input) ? Object.values(input) : [];
  const [only] = values;
  return values.length === 1 && typeof only === 'string' && only.includes('\n')
    ? `\n~~~\n${only}\n~~~`
    : JSON.stringify(input);
}

function blockText(block: Block): string {
  if (block.type === 'tool_use') return `→ ${String(block.name)} ${inputText(block.input)}`;
  const text = textOf([block]);
  return block.type === 'tool_result'
    ? `${block.is_error === true ? 'Error:\n' : ''}~~~\n${text}\n~~~`
    : text;
}
