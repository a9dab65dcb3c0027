import { type Context, newest, show } from '../context.ts';
import { usage } from '../fail.ts';
import { parseDuration } from '../text/parse.ts';
import { oneLine } from '../text/plain.ts';
import { ticketList, ticketShow } from '../views/ticket.ts';
import { followRun, runOf } from '../watch/follow.ts';
import { parseKind } from './kind.ts';
import { readStdin, readText } from './stdin.ts';

type Options = Record<string, string | boolean | undefined>;

const MAX_BYTES = 262_144;

export async function file(context: Context, [path = '']: string[], options: Options): Promise<void> {
  const timeoutMs =
    options.timeout === undefined ? null : parseDuration(String(options.timeout), '--timeout');
  if (timeoutMs !== null && options.follow !== true) throw usage('--timeout goes with --follow');
  const kind = parseKind(options.kind);
  const markdown =
    path === '-'
      ? await readStdin(MAX_BYTES, 'a ticket')
      : readText(path, {
          ...{ maxBytes: MAX_BYTES, what: 'a ticket' },
          else: './millwright ticket file - --repo NAME',
        });
  const { raw, value } = await context.client.call('fileTicket', {
    body: { repo: String(options.repo), markdown, ...kind },
    headers: options.key === undefined ? {} : { 'idempotency-key': String(options.key) },
  });
  if (options.follow !== true) {
    show(context, raw, () => [value.id]);
    if (!context.json)
      context.note(`${context.noteLook.colour.dim('next:')} ./millwright ticket show ${value.id}`);
    return;
  }
  if (!context.json)
    context.note(context.noteLook.colour.dim(`${value.id} filed: ${oneLine(value.ticket.title)}`));
  const deadline = timeoutMs === null ? null : Date.now() + timeoutMs;
  const run = await runOf(context, value.id, deadline);
  if (run !== null) await followRun(context, run, deadline);
}

export async function list(context: Context, _args: string[], options: Options): Promise<void> {
  const { raw, value } = newest(
    await context.client.all('listTickets', { query: { repo: options.repo as string | undefined } }),
    (ticket) => ticket.filedAt,
  );
  show(context, raw, () => ticketList(context.look, value, context.now()));
}

async function showOne(context: Context, [id = '']: string[]): Promise<void> {
  const { raw, value } = await context.client.call('showTicket', { params: { id } });
  show(context, raw, () => ticketShow(context.look, value, context.now()));
}

export { showOne as show };

export async function answer(
  context: Context,
  [id = '', text = '']: string[],
  options: Options,
): Promise<void> {
  const again = options.again === true;
  const { raw } = await context.client.call('answerTicket', { params: { id }, body: { text, again } });
  show(context, raw, () => [
    again ? `${id} gets another run, which is told what you say.` : `Answered; ${id} goes on.`,
    `${context.look.colour.dim('next:')} ./millwright ticket show ${id}`,
  ]);
}

export async function link(context: Context, [id = '', url = '']: string[], options: Options): Promise<void> {
  const body = { kind: String(options.kind), url, id: String(options.as) };
  const { raw, value } = await context.client.call('linkTicket', { params: { id }, body });
  show(context, raw, () => ticketShow(context.look, value, context.now()));
}
