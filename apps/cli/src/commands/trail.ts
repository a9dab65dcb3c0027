import type { Answered, TrailLine } from '@millwright/api';
import type { Context } from '../context.ts';
import { usage } from '../fail.ts';
import { parseInstant, parseWhole } from '../text/parse.ts';
import { TrailAccount } from '../views/trail.ts';

type Options = Record<string, string | boolean | undefined>;

/** Lines a question; more are asked for page by page, so that the first are there at once however many are wanted. */
const PAGE = 500;
const MOST = 999_999_999;

type Question = Record<string, string | number | undefined>;

function questionOf(context: Context, options: Options): Question {
  const text = (name: string) => options[name] as string | undefined;
  const position = (name: string) => {
    const given = text(name);
    return given === undefined ? undefined : parseWhole(given, `--${name}`, 0, MOST);
  };
  const instant = (name: string) => {
    const given = text(name);
    return given === undefined ? undefined : parseInstant(given, `--${name}`, context.now());
  };
  return {
    run: text('run'),
    repo: text('repo'),
    actor: text('actor'),
    type: text('type'),
    from: instant('from'),
    to: instant('to'),
    since: position('since'),
    before: position('before'),
  };
}

/** Pages of what is asked for, each going on after the one before it, up to `limit` lines. */
async function* pages(
  context: Context,
  question: Question,
  order: 'oldest' | 'newest',
  limit: number,
): AsyncGenerator<Answered<TrailLine[]>> {
  let asked = { ...question, order };
  for (let left = limit; left > 0; ) {
    const size = Math.min(left, PAGE);
    const answer = await context.client.call('listTrail', { query: { ...asked, limit: size } });
    const last = answer.value.at(-1);
    if (last === undefined) return;
    yield answer;
    left -= answer.value.length;
    asked = { ...asked, [order === 'oldest' ? 'since' : 'before']: last.position };
  }
}

async function all(found: AsyncGenerator<Answered<TrailLine[]>>): Promise<Answered<TrailLine[]>> {
  const whole: { raw: unknown[]; value: TrailLine[]; next: null } = { raw: [], value: [], next: null };
  for await (const { raw, value } of found) {
    whole.raw.push(...(raw as unknown[]));
    whole.value.push(...value);
  }
  return whole;
}

export async function show(context: Context, _args: string[], options: Options): Promise<void> {
  const question = questionOf(context, options);
  const account = new TrailAccount(context.look);
  if (options.last !== undefined) {
    if (options.since !== undefined)
      throw usage('--last counts from the end and --since from the start: give one');
    const limit = parseWhole(String(options.last), '--last', 1, 100_000);
    const { raw, value } = await all(pages(context, question, 'newest', limit));
    if (context.json) context.document((raw as unknown[]).reverse());
    else context.out(...account.lines(value.reverse()), ...account.end());
    return;
  }
  const limit = parseWhole(String(options.limit), '--limit', 1, MOST);
  const found = pages(context, question, 'oldest', limit);
  if (context.json) {
    context.document((await all(found)).raw);
    return;
  }
  let [shown, last] = [0, 0];
  for await (const { value } of found) {
    context.out(...account.lines(value));
    shown += value.length;
    last = value.at(-1)?.position ?? last;
  }
  context.out(...account.end());
  if (shown === limit) context.note(context.noteLook.colour.dim(`There may be more: --since ${last}`));
}
