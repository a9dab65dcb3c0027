import { hiddenIn } from '@millwright/domain';
import type { Lexer } from './code.ts';
import { javascript, typescript } from './javascript.ts';
import { python } from './python.ts';
import { shell } from './shell.ts';
import { yaml } from './yaml.ts';

/** By extension, in small letters. A language that is not here is never trivial. */
const LEXERS: Readonly<Record<string, Lexer>> = {
  js: javascript,
  mjs: javascript,
  cjs: javascript,
  ts: typescript,
  mts: typescript,
  cts: typescript,
  py: python,
  sh: shell,
  bash: shell,
  yml: yaml,
  yaml,
};

/** What is hidden may end a line, or a comment, for one reader and not for another. */
const isPlain = (source: string): boolean => hiddenIn(source.replaceAll('\r\n', '\n')).next().done === true;

/** True where the lexer of the path's language proves, on both whole sources, that they differ in comments and blank lines alone. */
export function onlyCommentsDiffer(path: string, before: string, after: string): boolean {
  const lexer = LEXERS[/\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase() ?? ''];
  if (lexer === undefined || !isPlain(before) || !isPlain(after)) return false;
  const [was, is] = [lexer(before), lexer(after)];
  return was.kind === 'code' && is.kind === 'code' && was.code === is.code;
}
