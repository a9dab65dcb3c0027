// One alternative a token that can hide or hold a quote. A string cannot span lines, so an apostrophe that is not a
// string's (in a regular expression) misleads to the end of its line at most.
const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`|(?<=[=(,:;!&|?{[+\n]\s*)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/|[{}]/g;

/**
 * The source with comments, regular expressions and the text of strings and template literals blanked out; quotes of
 * strings stay. Same length and same lines, so that a place here is the same place in the source.
 */
export function withoutProse(source: string): string {
  let out = '';
  let at = 0;
  // Depth of braces inside each open `${`, innermost last.
  const holes: number[] = [];
  const blank = (text: string): string => text.replace(/[^\n]/g, ' ');

  const template = (from: number): number => {
    let end = from;
    while (end < source.length) {
      const char = source[end];
      if (char === '\\') end += 2;
      else if (char === '`') {
        out += `${blank(source.slice(from, end))} `;
        return end + 1;
      } else if (char === '$' && source[end + 1] === '{') {
        out += `${blank(source.slice(from, end))}  `;
        holes.push(0);
        return end + 2;
      } else end += 1;
    }
    out += blank(source.slice(from));
    return source.length;
  };

  while (at < source.length) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(source);
    if (match === null) break;
    const token = match[0];
    out += source.slice(at, match.index);
    at = match.index + token.length;
    if (token === '`') {
      out += ' ';
      at = template(at);
    } else if (token === '{' || token === '}') {
      const depth = holes.at(-1);
      if (token === '}' && depth === 0) {
        holes.pop();
        out += ' ';
        at = template(at);
        continue;
      }
      if (depth !== undefined) holes[holes.length - 1] = depth + (token === '{' ? 1 : -1);
      out += token;
    } else if (token.startsWith('/')) {
      out += blank(token);
    } else {
      out += `${token[0]}${blank(token.slice(1, -1))}${token[0]}`;
    }
  }
  return out + source.slice(at);
}
