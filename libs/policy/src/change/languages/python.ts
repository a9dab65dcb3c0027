import { type Code, LONGEST_SOURCE, unproven } from './code.ts';
import { isProse } from './prose.ts';

/** Where a string that opens at `at` ends (behind its last quote), or null where it does not, or may end elsewhere by another version of Python. */
function endOfString(source: string, at: number, formatted: boolean): number | null {
  const quote = source[at] ?? '';
  const triple = source.startsWith(quote.repeat(3), at);
  const close = triple ? quote.repeat(3) : quote;
  for (let i = at + close.length; i < source.length; i++) {
    if (source[i] === '\\') i++;
    else if (source[i] === '\n' && !triple) return null;
    else if (source.startsWith(close, i)) {
      const body = source.slice(at + close.length, i);
      return formatted && !endsForAll(body) ? null : i + close.length;
    }
  }
  return null;
}

/** From Python 3.12 a formatted string may hold quotes and comments inside its braces: it ends here for every version if none is open. */
function endsForAll(body: string): boolean {
  const literal = body.replaceAll(/\{\{|\}\}/g, '');
  return !literal.includes('#') && literal.split('{').length === literal.split('}').length;
}

/** Lexical analysis as in the Python reference, chapter 2: comments run to the end of their line, outside of strings. */
export function python(text: string): Code {
  if (text.length > LONGEST_SOURCE) return unproven('too long');
  const source = text.replaceAll('\r\n', '\n');
  const lines: string[] = [];
  let line = '';
  let continued = false;
  for (let at = 0; at <= source.length; ) {
    const sign = source[at] ?? '\n';
    if (sign === '#') {
      const end = source.indexOf('\n', at);
      const comment = source.slice(at, end < 0 ? source.length : end);
      if (/coding[:=]/.test(comment)) return unproven('a declaration of its encoding');
      if (continued && line.trim() === '') return unproven('a comment behind a continued line');
      if (at === 0 && comment.startsWith('#!')) lines.push(`first: ${comment}`);
      else if (!isProse(comment.slice(1))) line += comment;
      at += comment.length;
    } else if (sign === '"' || sign === "'") {
      const prefix = /[A-Za-z]{1,3}$/.exec(source.slice(Math.max(0, at - 3), at))?.[0] ?? '';
      const end = endOfString(source, at, /[ft]/i.test(prefix));
      if (end === null) return unproven('a string that does not end, or not for every version');
      line += source.slice(at, end);
      at = end;
    } else if (sign === '\n') {
      continued = line.endsWith('\\');
      if (line.trim() !== '') lines.push(line.trimEnd());
      line = '';
      at++;
    } else {
      line += sign;
      at++;
    }
  }
  return { kind: 'code', code: lines.join('\n') };
}
