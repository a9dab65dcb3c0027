import type { TestDoubt } from '@millwright/domain';
import { isTest } from './configuration.ts';
import { lex, newLines } from './lexer.ts';

// Code that speaks to who runs it: it reads a runner's marks, touches assertions, exit codes and exit handlers, or reaches around the
// language into the runtime. Most of it is honest (a command-line program ends itself). No verdict follows; a person sees the line.

type Mark = { code: string; text: string; pattern: RegExp; tests: boolean };

const MARKS: readonly Mark[] = [
  {
    code: 'reads-runner-marks',
    text: 'reads what tells it that it is being tested',
    pattern:
      /NODE_TEST_CONTEXT|NODE_TEST_WORKER_ID|\bVITEST\w*|JEST_WORKER_ID|MOCHA_\w+|__vitest\w*|__jest\w*|\bjest-circus\b|npm_lifecycle_event|\$\$jest/,
    tests: false,
  },
  {
    code: 'reads-its-caller',
    text: 'reads who called it',
    pattern:
      /prepareStackTrace|captureStackTrace\s*\((?!\s*this\b)|getCallSites?\b|\bError\s*\([^)]*\)\s*\.stack|\.stack\b[^;]*\.(?:includes|match\w*|split|search|indexOf|test)\s*\(|\.test\s*\([^;]*\.stack\b|callee\s*\.\s*caller|require\s*\.\s*main\b.*\b(?:test|spec)|\bargv\b.*\b(?:test|spec)\b/,
    tests: false,
  },
  {
    code: 'touches-assertions',
    text: 'touches what tests assert or are defined with',
    pattern:
      /(?:require\s*\(|import\s*\(|from|import|getBuiltinModule\s*\()\s*['"`](?:(?:node:)?(?:assert(?:\/strict)?|test|test\/reporters)|chai|expect|@jest\/globals|vitest|mocha|sinon|should|jest-circus|@vitest\/[\w-]+)['"`/]|\b(?:globalThis|global)\s*\.\s*(?:expect|it|test|describe|beforeEach|afterEach)\b/,
    tests: false,
  },
  {
    code: 'touches-exit',
    text: 'touches how the process ends',
    pattern:
      /\bprocess\s*\??\.\s*(?:exit|reallyExit|exitCode|abort|kill|emit|removeAllListeners|setUncaughtExceptionCaptureCallback|_\w+|binding)\b|\.(?:on|once|addListener|prependListener|prependOnceListener|off|removeListener|removeAllListeners|emit)\s*\(\s*['"`](?:exit|beforeExit|uncaughtException\w*|unhandledRejection)['"`]|[{,]\s*(?:exit|exitCode|reallyExit|abort|kill)\b[^;=]*\}\s*=\s*(?:globalThis\.)?process\b|(?:from|require\s*\(|import\s*\()\s*['"`](?:node:)?process['"`]/,
    tests: true,
  },
  {
    code: 'reaches-around',
    text: 'reaches around the language into what runs it',
    pattern:
      /\b(?:process|globalThis|global)\s*(?:\?\.)?\[|\beval\s*\(|\bFunction\s*\(|getBuiltinModule|process\s*\.\s*mainModule|require\s*\.\s*cache|\bModule\s*\.\s*_|syncBuiltinESMExports|registerHooks|(?:from|require\s*\(|import\s*\()\s*['"`](?:node:)?(?:module|inspector(?:\/promises)?|vm|v8|repl|async_hooks|diagnostics_channel|domain)['"`]|\b(?:Object|Array|String|Number|Function|Promise|Error|EventEmitter|RegExp|Map|Set)\s*\.\s*prototype\s*(?:\.\s*\w+|\[[^\]]*\])\s*=[^=]|(?:defineProperty|setPrototypeOf|assign)\s*\(\s*(?:globalThis|global|process|console|Object\.prototype|Array\.prototype)\b|\/proc\/|toJSON\s*[=(]/,
    tests: true,
  },
];

/** Doubts about the lines of `after` that `before` does not have. Comments do not count, strings do. */
export function marks(path: string, before: string | null, after: string): TestDoubt[] {
  const fresh = newLines(before, after);
  const code = new Map<number, string>();
  for (const token of lex(after, path)) {
    if (/Comment$/.test(token.type) || /^(WhiteSpace|LineTerminatorSequence)$/.test(token.type)) continue;
    // What spans lines is each of its lines.
    for (const [offset, part] of token.value.split('\n').entries()) {
      const line = token.line + offset;
      const known = code.get(line);
      // Words need the space between them that the lexer takes away.
      code.set(
        line,
        known === undefined ? part : `${known}${/\w$/.test(known) && /^\w/.test(part) ? ' ' : ''}${part}`,
      );
    }
  }
  const found: TestDoubt[] = [];
  for (const [line, text] of code) {
    if (!fresh.has(line)) continue;
    for (const mark of MARKS)
      if ((mark.tests || !isTest(path)) && mark.pattern.test(text))
        found.push({ code: mark.code, text: `${mark.text}: \`${text.trim().slice(0, 200)}\``, path, line });
  }
  return found;
}
