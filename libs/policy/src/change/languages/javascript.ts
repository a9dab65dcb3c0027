import jsTokens, { type Token } from 'js-tokens';
import { type Code, type Lexer, LONGEST_SOURCE, unproven } from './code.ts';
import { isProse } from './prose.ts';

// js-tokens reads ECMAScript in one linear pass. Where its reading hangs on a guess (is this slash a division or the start of a regular
// expression, is this `<` the start of JSX), the guess is proven here by what stands around it, or the source is unproven.

const KEYWORDS_BEFORE_EXPRESSION = new Set(
  'case default delete do else in instanceof new return throw typeof void'.split(' '),
);
/** Names in one kind of source, keywords in another. */
const EITHER = new Set(
  'await yield of let as satisfies is asserts keyof infer async get set static'.split(' '),
);
/** Signs behind which an expression begins; all others but these and the closing ones are looked at. */
const EXPRESSION_AFTER =
  /^(?:[([{,;:?~%^&|*=<+-]|&&|\|\||\?\?|\*\*|<<|=>|\.{3}|[!=]==?|[<>]=|(?:[-+*/%&|^]|\*\*|<<|>{2,3}|&&|\|\||\?\?)=)$/;

type Before = { token: Token; before: Token | null } | null;

/** What a slash after this must be; `either` where that cannot be told. */
function slashAfter(at: Before): 'division' | 'expression' | 'either' {
  if (at === null) return 'expression';
  const { token, before } = at;
  switch (token.type) {
    case 'NumericLiteral':
    case 'StringLiteral':
    case 'NoSubstitutionTemplate':
    case 'TemplateTail':
    case 'PrivateIdentifier':
    case 'RegularExpressionLiteral':
      return 'division';
    case 'TemplateHead':
    case 'TemplateMiddle':
      return 'expression';
    case 'IdentifierName':
      if (before?.type === 'Punctuator' && (before.value === '.' || before.value === '?.')) return 'division';
      if (EITHER.has(token.value) || token.value.includes('\\')) return 'either';
      return KEYWORDS_BEFORE_EXPRESSION.has(token.value) ? 'expression' : 'division';
    case 'Punctuator':
      if (token.value === ']') return 'division';
      return EXPRESSION_AFTER.test(token.value) ? 'expression' : 'either';
    default:
      return 'either';
  }
}

const isSlash = (token: Token): boolean =>
  token.type === 'RegularExpressionLiteral' || (token.type === 'Punctuator' && /^\/=?$/.test(token.value));

/** Whether the reading of this slash is the only one. A regular expression ends on its line, so without another slash there it is none. */
function slashIsProven(token: Token, before: Before, source: string, at: number): boolean {
  const division = token.type === 'Punctuator';
  const must = slashAfter(before);
  if (must !== 'either') return (must === 'division') === division;
  const end = source.indexOf('\n', at);
  return division && !source.slice(at + 1, end < 0 ? source.length : end).includes('/');
}

const isComment = (token: Token): boolean =>
  token.type === 'SingleLineComment' || token.type === 'MultiLineComment';

/** A comment's text without its signs and the stars that its lines begin with. */
const textOf = (comment: string): string =>
  comment.startsWith('//') ? comment.slice(2) : comment.slice(2, -2).replaceAll(/^\s*\*(?=\s|$)/gm, '');

function tokensOf(source: string, jsx: boolean): Code {
  // HTML's comments are comments in scripts and operators in modules.
  if (/<!--|-->/.test(source)) return unproven('an HTML comment');
  if (jsx && /<\s*\/|\/\s*>/.test(source)) return unproven('JSX');
  const kept: string[] = [];
  let before = null as Before;
  let at = 0;
  // Where a line ends is meaning (a return, a missing semicolon); how many of them end is not.
  let newline = false;
  for (const token of jsTokens(source)) {
    if ('closed' in token && !token.closed) return unproven('something that does not end');
    if (token.type === 'Invalid' && token.value !== '@') return unproven('a character that begins no token');
    if (isSlash(token) && !slashIsProven(token, before, source, at))
      return unproven('a slash that may be a division or a regular expression');
    if (token.type === 'LineTerminatorSequence') newline = true;
    else if (isComment(token) && isProse(textOf(token.value))) newline ||= token.value.includes('\n');
    else if (token.type !== 'WhiteSpace') {
      // A line's end before the first token is none.
      kept.push(newline && kept.length > 0 ? '\n' : ' ', token.value);
      newline = false;
      if (!isComment(token)) before = { token, before: before?.token ?? null };
    }
    at += token.value.length;
  }
  return { kind: 'code', code: kept.join('\0') };
}

const read =
  (jsx: boolean): Lexer =>
  (source) => {
    if (source.length > LONGEST_SOURCE) return unproven('too long');
    try {
      return tokensOf(source.replaceAll('\r\n', '\n'), jsx);
    } catch (error) {
      // The stack of regular expressions ends before a source of this length does.
      if (error instanceof RangeError) return unproven('too deep');
      throw error;
    }
  };

/** A `.js` may hold JSX, which is text where JavaScript has comments. */
export const javascript = read(true);
export const typescript = read(false);
