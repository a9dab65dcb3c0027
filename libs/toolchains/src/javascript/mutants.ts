import type { Mutant } from '../toolchain.ts';
import { type Lexed, lex, newLines } from './lexer.ts';

// Small faults in changed lines, as a careless hand would make them. What the tests do not notice of any of them they say nothing about.

const SWAPS: Readonly<Record<string, string>> = {
  ...{ '===': '!==', '!==': '===', '==': '!=', '!=': '==', '<=': '>', '>=': '<', '&&': '||', '||': '&&' },
  ...{ '??': '&&', '+': '-', '-': '+', '*': '/', '/': '*', '%': '*', '++': '--', '--': '++', '**': '*' },
  ...{ '+=': '-=', '-=': '+=', '*=': '/=', '||=': '&&=', '??=': '&&=' },
};
/** Not where they may be types or tags. */
const ANGLES: Readonly<Record<string, string>> = { '<': '>=', '>': '<=' };
const WORDS: Readonly<Record<string, string>> = { true: 'false', false: 'true' };
const A_LINE = 2;

/** What is most likely to be noticed comes first: a comparison before a number, a number before a message for people. */
const STRENGTH: readonly RegExp[] = [
  /^(===|!==|==|!=|<=|>=|<|>|&&|\|\|)$/,
  /^[-+*/%]+=?$/,
  /^(true|false|\d+)$/,
  /^\/./,
  /^\?\?/,
  /^\S*$/,
];
const strengthOf = (text: string) => {
  const at = STRENGTH.findIndex((pattern) => pattern.test(text));
  return at < 0 ? STRENGTH.length : at;
};

/** At most two faults a changed line, none in an import; the strongest first. */
export function mutants(path: string, before: string | null, after: string): Mutant[] {
  const changed = newLines(before, after);
  const tokens = lex(after, path).filter(
    ({ type }) => type !== 'WhiteSpace' && type !== 'LineTerminatorSequence',
  );
  const made = new Map<number, (Mutant & { strength: number })[]>();
  const plain = /\.[cm]?js$/.test(path);
  for (const [index, token] of tokens.entries()) {
    const on = made.get(token.line) ?? [];
    if (!changed.has(token.line) || on.length >= A_LINE) continue;
    const becomes = faultOf(token, tokens[index - 1], tokens[index + 1], plain);
    if (becomes === null || inImport(tokens, index)) continue;
    const text = after.slice(0, token.at) + becomes + after.slice(token.at + token.value.length);
    made.set(token.line, [
      ...on,
      {
        path,
        line: token.line,
        what: `${short(token.value)} → ${short(becomes)}`,
        text,
        strength: strengthOf(token.value),
      },
    ]);
  }
  return [...made.values()]
    .flat()
    .sort((a, b) => a.strength - b.strength)
    .map(({ strength: _strength, ...mutant }) => mutant);
}

const short = (text: string) => (text.length > 40 ? `${text.slice(0, 39)}…` : text);

function faultOf(
  token: Lexed,
  before: Lexed | undefined,
  after: Lexed | undefined,
  plain: boolean,
): string | null {
  const { type, value } = token;
  if (type === 'Punctuator') return SWAPS[value] ?? (plain ? (ANGLES[value] ?? null) : null);
  if (type === 'IdentifierName' && before?.value !== '.' && after?.value !== ':') return WORDS[value] ?? null;
  if (type === 'NumericLiteral' && /^\d+$/.test(value) && value.length < 15) return String(Number(value) + 1);
  // A key, a directive or a module's name is no value.
  if (
    type === 'StringLiteral' &&
    after?.value !== ':' &&
    before !== undefined &&
    /^[(,=+?:[]$|^(return|case|=>|===|!==|\|\||\?\?)$/.test(before.value)
  )
    return value.length <= 2 ? "'mutated'" : `${value.slice(0, 1)}~${value.slice(1)}`;
  if (type === 'RegularExpressionLiteral') return '/$^/';
  return null;
}

/** Whether a token belongs to what loads modules. */
function inImport(tokens: readonly Lexed[], index: number): boolean {
  const { line } = tokens[index] ?? { line: 0 };
  const first = tokens.findIndex((token) => token.line === line);
  if (tokens[first]?.value === 'import') return true;
  const [name, bracket] = [tokens[index - 2]?.value, tokens[index - 1]?.value];
  return (bracket === '(' && (name === 'require' || name === 'import')) || bracket === 'from';
}
