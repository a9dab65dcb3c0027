import type { Found } from './difference.ts';
import { bounding } from './where.ts';

// Calls of query builders: `knex('carts').where({ id }).del()`. Which builders there are nobody can list, so the rule is of their kind: a call that
// deletes or overwrites, in a chain that names a table, raises unless another call of that chain chooses rows.

const ACT =
  /(?:\?\.|\.|->|::)\s{0,80}(delete|del|update|patch|deleteFrom|updateTable|delete_from|execute(?:Delete|Update)(?:Async)?)\s{0,20}\(|(?<![\w.>:])(?:delete|update)\s{0,20}\(\s{0,20}[A-Z]\w{0,80}\s{0,20}\)/gi;
/** Each of these is of a builder alone; the others are where something before them names a table. */
const OF_BUILDERS = /^(?:del|delete_?from|updateTable|execute(?:delete|update)(?:async)?)$/i;
const TABLE = /^(?:from|into|table|query|queryBuilder|createQueryBuilder|objects|knex|db|trx|tx)$/;
const DATABASE = /^(?:db|tx|trx|database|drizzle)$/;
const CHOOSES =
  /^(?:(?:and|or)?where\w*|filter\w*|match|eq|in|is|lte?|i?like|contains|find\w*|get(?:_or_404)?|first\w*|one(?:_or_none)?|by\w*)$/i;
/** `whereNot`, `whereNotNull`: all but some. */
const NEGATED = /not/i;
const CHOOSES_NOTHING =
  /^(?:\{\s*\}|\[\s*\]|true|1|null|None|undefined|(?:ne|not\w*|isNotNull)\s*\(.*|eq\(\s*(.+?)\s*,\s*\1\s*\))?$/s;
/** `'id', '>', 0` */
const IN_PARTS = /^["'`]([\w.]+)["'`]\s*,\s*["'`]([<>=!]+|[a-z ]{2,20})["'`]\s*,\s*(.+)$/is;

const OVERWRITES = /^(?:update|patch|executeUpdate)/i;

/** In UTF-16 units, on either side of a call. */
const FARTHEST = 1_000;
const LONGEST = 240;
const MOST_LINKS = 20;

type Act = Found & { statement: string; text: string };
type Link = { name: string; args: string | null };

/** Of the brackets that open at `at` (or close there, seen from behind), the other end. */
function acrossBrackets(text: string, at: number, step: 1 | -1): number | null {
  let depth = 0;
  for (let i = at; i >= 0 && i < text.length; i += step) {
    // By code, for speed: every character of a window is looked at.
    const code = text.charCodeAt(i);
    if (code === 40 || code === 91 || code === 123) depth += step;
    else if (code === 41 || code === 93 || code === 125) depth -= step;
    if (depth === 0) return i;
  }
  return null;
}

/** The links of a chain before a place where its next link begins. */
function linksBefore(text: string): Link[] {
  const links: Link[] = [];
  let rest = text;
  while (links.length < MOST_LINKS) {
    const joint = /\s{0,80}(?:\?\.|\.|->|::)\s{0,80}$/.exec(rest.slice(-LONGEST));
    if (joint === null) return links;
    rest = rest.slice(0, -joint[0].length);
    let args: string | null = null;
    if (/[)\]]$/.test(rest.slice(-1))) {
      const open = acrossBrackets(rest, rest.length - 1, -1);
      if (open === null) return links;
      args = rest.slice(open + 1, -1);
      rest = rest.slice(0, open);
    }
    const name = /[\w$]+$/.exec(rest.slice(-LONGEST).replace(/<[\w\s,.[\]]{1,80}>$/, ''))?.[0];
    if (name === undefined) return links;
    links.unshift({ name, args });
    rest = rest.slice(0, rest.lastIndexOf(name));
  }
  return links;
}

/** The links of a chain from the place of one's name. */
function linksFrom(text: string): { links: Link[]; end: number } {
  const links: Link[] = [];
  const next = /([\w$]{1,80})(?:<[\w\s,.[\]]{1,80}>)?\s{0,80}(\(?)/y;
  const joint = /\s{0,80}(?:\?\.|\.|->|::)\s{0,80}(?=\w)/y;
  let end = 0;
  while (links.length < MOST_LINKS) {
    next.lastIndex = end;
    const [, name = '', bracket = ''] = next.exec(text) ?? [];
    if (name === '') break;
    const open = next.lastIndex - 1;
    const close = bracket === '' ? null : acrossBrackets(text, open, 1);
    links.push({ name, args: close === null ? null : text.slice(open + 1, close) });
    end = close === null ? open + 1 : close + 1;
    joint.lastIndex = end;
    if (!joint.test(text)) break;
    end = joint.lastIndex;
  }
  return { links, end };
}

function chooses({ name, args }: Link): boolean {
  if (args === null || !CHOOSES.test(name) || NEGATED.test(name)) return false;
  const said = args.trim().replace(/,$/, '');
  if (CHOOSES_NOTHING.test(said)) return /^(?:get|first|one)/i.test(name);
  const [, column, sign, value = ''] = IN_PARTS.exec(said) ?? [];
  if (column !== undefined)
    return bounding(`${column} ${sign} ${/^(?:[-\d'"`]|null\b|true\b|false\b)/.test(value) ? value : '?'}`);
  const [, , condition] =
    /^(?:\w{1,20}\s*(?:\.\w+)?\(?)?(["'`])((?:(?!\1).)+)\1\)?(?:,.*)?$/s.exec(said) ?? [];
  return condition === undefined || !/[\s=<>]|^true$/i.test(condition) || bounding(condition);
}

/** Whether a chain deletes or overwrites rows of a table, and chooses none of them. */
function isUnchosen(before: readonly Link[], [act, ...after]: readonly Link[]): boolean {
  if (act === undefined || act.args === null) return false;
  const none = act.args.trim() === '';
  if (/^del$/i.test(act.name) && !none) return false;
  const overwrites = OVERWRITES.test(act.name);
  const last = before.at(-1);
  const ofDatabase = last?.args === null && DATABASE.test(last.name) && /^[\w.]+$/.test(act.args.trim());
  const builds =
    OF_BUILDERS.test(act.name) ||
    before.some(({ name, args }) => TABLE.test(name) && (args !== null || name === 'objects')) ||
    (ofDatabase && (!overwrites || after.some(({ name }) => name === 'set'))) ||
    (before.length === 0 && /^[A-Z]\w*$/.test(act.args.trim())) ||
    (none && after.some(({ name }) => /^(?:from|execute)$/.test(name)));
  return builds && ![...before, ...after].some(chooses);
}

/** The calls that may delete or overwrite rows; `unchosen` where they do, and whichever rows these are. */
export function* actingCallsIn(text: string): Generator<Act & { unchosen: boolean }> {
  const code = text.replaceAll(/(?<!:)\/\/[^\n]*/g, (comment) => ' '.repeat(comment.length));
  for (const { 0: match, 1: name = '', index } of code.matchAll(ACT)) {
    const at = name === '' ? index : index + match.lastIndexOf(name);
    const before = name === '' ? [] : linksBefore(code.slice(Math.max(0, at - FARTHEST), at));
    const { links, end } = linksFrom(code.slice(at, at + FARTHEST));
    const chain = code.slice(at, at + end);
    const statement = `${OVERWRITES.test(chain) ? 'update' : 'delete'} of everything`;
    yield { at, key: chain, statement, text: chain, unchosen: isUnchosen(before, links) };
  }
}
