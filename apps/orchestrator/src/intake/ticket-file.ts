import { Ticket, type TicketKind } from '@millwright/domain';
import { boundedYaml } from '../source-control/bounded-yaml.ts';

export type TicketFile =
  | { kind: 'ticket'; ticket: Ticket }
  | { kind: 'invalid'; code: 'ticket-too-large' | 'bad-front-matter' | 'no-title'; message: string };

/** A ticket file is at most this long, in UTF-8 bytes. */
export const MAX_TICKET_BYTES = 256 * 1024;

type Invalid = Extract<TicketFile, { kind: 'invalid' }>;
const invalid = (code: Invalid['code'], message: string): Invalid => ({ kind: 'invalid', code, message });

/** Markdown with optional YAML front matter; the first heading is the title where the front matter has none. */
export function parseTicketFile(markdown: string, kind?: TicketKind): TicketFile {
  const bytes = Buffer.byteLength(markdown);
  if (bytes > MAX_TICKET_BYTES)
    return invalid(
      'ticket-too-large',
      `the ticket has ${bytes} bytes; at most ${MAX_TICKET_BYTES} are taken`,
    );
  const text = markdown.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  const opened = /^---\n/.test(text);
  const split = /^---\n([\s\S]*?)\n?---[ \t]*(?:\n|$)/.exec(text);
  if (opened && !split)
    return invalid('bad-front-matter', 'the front matter that starts on line 1 has no closing ---');
  const front = readFront(split?.[1] ?? '');
  if (front.kind === 'invalid') return front;
  const rest = split ? text.slice(split[0].length) : text;
  const heading = /^#{1,6}[ \t]+(.+?)[ \t]*#*$/m.exec(rest);
  const title = front.fields.title ?? heading?.[1];
  if (typeof title !== 'string' || title.trim() === '')
    return invalid(
      'no-title',
      'the ticket has no title: give it a first heading (# …) or `title:` in its front matter',
    );
  const body = front.fields.title === undefined && heading ? rest.replace(heading[0], '') : rest;
  const parsed = Ticket.safeParse({
    ...front.fields,
    title: title.trim(),
    body: body.trim(),
    ...(kind ? { kind } : {}),
  });
  if (parsed.success) return { kind: 'ticket', ticket: parsed.data };
  const issue = parsed.error.issues[0];
  const key = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path.map(String).join('.');
  return invalid(
    'bad-front-matter',
    issue?.code === 'unrecognized_keys'
      ? `the front matter has an unknown key: ${key}`
      : `${key}: ${issue?.message}`,
  );
}

type Front = { kind: 'fields'; fields: Record<string, unknown> } | Extract<TicketFile, { kind: 'invalid' }>;

function readFront(yaml: string): Front {
  const read = boundedYaml(yaml);
  // The file's first line is the opening ---.
  if (read.kind === 'broken')
    return invalid('bad-front-matter', `front matter, line ${read.line + 1}: ${read.message}`) as Front;
  const fields = read.value;
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    return invalid('bad-front-matter', 'the front matter is not a list of `key: value`') as Front;
  return { kind: 'fields', fields: fields as Record<string, unknown> };
}
