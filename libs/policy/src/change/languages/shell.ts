import { type Code, LONGEST_SOURCE, unproven } from './code.ts';
import { isProse } from './prose.ts';

// A whole grammar of the shell is not needed, only a proof that no line begins inside of something: then a line whose first sign is `#` is a
// comment. What spans lines (a here-document, a quoted text, a continued line) leaves a script unproven, and so does one that reads itself.

const DEEPEST = 32;

/** Whether everything that a line opens is closed in it. */
function standsAlone(line: string): boolean {
  /** What is open: a quote, `)` of a substitution, `}` of an expansion. */
  const open: string[] = [];
  for (let at = 0; at < line.length; at++) {
    const sign = line[at] ?? '';
    const inside = open.at(-1);
    if (sign === '\\') at++;
    else if (sign === '`') return false;
    else if (sign === '"') {
      if (inside === '"') open.pop();
      else open.push('"');
    } else if (sign === "'" && inside !== '"') {
      if (inside === '}') return false; // whether it quotes there depends on what is around
      const close = line[at - 1] === '$' ? endOfEscapedQuote(line, at) : line.indexOf("'", at + 1);
      if (close < 0) return false;
      at = close;
    } else if (sign === '$' && (line[at + 1] === '(' || line[at + 1] === '{')) {
      open.push(line[++at] === '(' ? ')' : '}');
    } else if (sign === '(' && inside === ')') open.push(')');
    else if (inside !== '"' && sign === inside) open.pop();
    else if (sign === '#' && inside !== '"' && inside !== '}' && /^[\s;&|()]?$/.test(line[at - 1] ?? ''))
      return open.length === 0 && !/["'`\\]/.test(line.slice(at));
    if (open.length > DEEPEST) return false;
  }
  return open.length === 0;
}

/** Of `$'…'`, in which a backslash escapes. */
function endOfEscapedQuote(line: string, at: number): number {
  for (let i = at + 1; i < line.length; i++) {
    if (line[i] === '\\') i++;
    else if (line[i] === "'") return i;
  }
  return -1;
}

export function shell(source: string): Code {
  if (source.length > LONGEST_SOURCE) return unproven('too long');
  if (source.includes('\r')) return unproven('a carriage return, which is no end of a line to a shell');
  if (/<</.test(source)) return unproven('a here-document');
  if (/\\\n/.test(source)) return unproven('a continued line');
  if (/\$\{?0\b|BASH_SOURCE/.test(source)) return unproven('it reads itself');
  const kept: string[] = [];
  for (const [index, line] of source.split('\n').entries()) {
    const comment = /^\s*#/.test(line) ? line.trim().slice(1) : null;
    if (index === 0 && line.startsWith('#!')) kept.push(`first: ${line}`);
    else if (comment === null) {
      if (!standsAlone(line)) return unproven('something that spans lines');
      if (line.trim() !== '') kept.push(line);
    } else if (!isProse(comment)) kept.push(line);
  }
  return { kind: 'code', code: kept.join('\n') };
}
