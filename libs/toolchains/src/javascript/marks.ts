import type { TestDoubt } from '@millwright/domain';
import { isTest } from './configuration.ts';
import { newLines, type Piece, pieces } from './lexer.ts';

// Code that speaks to who runs it: it reads a runner's marks, touches assertions, exit codes and exit handlers, or reaches around the
// language into the runtime. Most of it is honest (a command-line program ends itself). No verdict follows; a person sees the line.
// Of `process` what only informs is listed, and all else is a mark, so that no new name for it goes unseen: so are `globalThis`, the whole
// environment, and `require` handed on or led by what is no literal.

type Mark = { code: string; text: string; tests: boolean; patterns: readonly RegExp[] };

/** An expression without its layout, as `pieces` joins them. */
const re = ({ raw }: TemplateStringsArray, ...parts: readonly string[]) =>
  new RegExp(String.raw({ raw }, ...parts).replace(/\s*\n\s*/g, ''), 'g');

/** Not the member of another object, while `...x` and `globalThis.x` are x. */
const FREE = String.raw`(?<![#$@]|(?<!\bglobal(?:This)?|\.\.)\.)\b`;
const PROCESS = `${FREE}process\\b`;
/** A key, a parameter or a field of this name, or a function's: none of them is the object. */
const NAMED = String.raw`(?<=(?:[{,(;}]|readonly |private |public |protected |static )\w+)[?!]?:|[(<]`;
const ASKED = String.raw`(?<=typeof \w+)(?![.[(])|&&|[!=]==?`;
const INFORMS =
  'argv0?|cwd|chdir|umask|platform|arch|versions?|release|pid|execPath|stdout|stderr|stdin|hrtime|memoryUsage|cpuUsage|resourceUsage|uptime|nextTick|emitWarning|get(?:e?[ug]id|groups)';
const ENDS =
  'exit|reallyExit|exitCode|abort|kill|emit|removeAllListeners|setUncaughtExceptionCaptureCallback|_\\w+|binding';
const LISTENS = '(?:on|once|addListener|prependListener|prependOnceListener|off|removeListener)';
const LOADS = String.raw`(?:\bfrom|\bimport|\brequire\(|\bimport\(|getBuiltinModule\()`;
const RUNNERS = '(?:tests?|specs?|jest|vitest|mocha|ava|tap|uvu|jasmine|karma)';
const ENV_MARK = '(?:\\w+_)?(?:TESTS?|TESTING|AVA|TAP|MOCHA|JEST|JASMINE|KARMA)(?:_\\w+)?';
/** What a copy of `NODE_ENV` is called, or is it a mark to copy it. */
const ENV_LIKE = '\\w*(?:[eE]nv|ENV|[mM]ode|MODE)\\w*\\b';
const TESTING = '(?:describe|it|test|suite|expect|jest|vi|mocha|(?:before|after)(?:Each|All))';
const BUILT_IN =
  '(?:Object|Array|String|Number|Boolean|BigInt|Symbol|Function|Promise|Error|RegExp|Map|Set|WeakMap|Date|Math|JSON|Reflect|Proxy|Buffer|EventEmitter|console)';

const NAMES =
  /\bNODE_TEST_\w+|\bVITEST\w*|\bJEST_WORKER_ID|\bMOCHA_\w+|__vitest\w*|__jest\w*|\bjest-circus\b|\bnpm_(?:lifecycle_\w+|command)|\$\$jest/g;
const PROC = /\/proc\//g;
/** Marks in a text too. */
const SAID: ReadonlySet<RegExp> = new Set([NAMES, PROC]);

const MARKS: readonly Mark[] = [
  {
    code: 'reads-runner-marks',
    text: 'reads what tells it that it is being tested',
    tests: false,
    patterns: [
      NAMES,
      re`${PROCESS}\.env\.${ENV_MARK}\b|\{[^{}]{0,300}\b${ENV_MARK}\b[^{}]{0,300}\}=process\.env\b|(?<=«${ENV_MARK}»)in process\.env\b`,
      // All of the environment: that is more than the names that it asks for.
      re`(?<!«\w+»in |\{[^{}[\].]{0,500}\}=)${PROCESS}\.env\b(?!\.\w|&&).?|${PROCESS}\.execArgv\b|\bimport\.meta\.vitest\b`,
      re`\b${ENV_LIKE}[!)]*[!=]==?«test»|(?<=«test»)[!=]==?[\w.]{0,80}${ENV_LIKE}|(?<![\w.])(?!${ENV_LIKE})\w+=process\.env\.NODE_ENV\b(?![!=]=)|\bNODE_ENV\b[^;]{0,80}«[^»]{0,40}\btest|«[^»]{0,40}\btest[^»]{0,40}»[^;{}]{0,80}\bNODE_ENV\b`,
    ],
  },
  {
    code: 'reads-its-caller',
    text: 'reads who called it',
    tests: false,
    patterns: [
      re`prepareStackTrace|captureStackTrace(?!\(this\b)|getCallSites?\b|callee\.caller|\bError\([^()]{0,80}\)\)?\.stack|\bstack\b[^{}]{0,80}\}=(?:new )?Error\b`,
      re`\.stack\b[!)]*(?:\|\|«»\))?(?:\.\w+\([^()]{0,80}\))*\.(?:includes|match\w*|split|search|indexOf|test)\(|\.test\([^;{}]{0,40}\.stack\b`,
      re`(?<!\bmodule[!=]==?)\brequire\.main\b(?![!=]==?module)|(?<!!)\bmodule\.(?:parent|children)\b`,
      re`\bargv\b[^;{}]{0,120}«[^»]{0,80}\b${RUNNERS}\b|«[^»]{0,80}\b${RUNNERS}\b[^»]{0,80}»[^;{}]{0,80}\bargv\b`,
    ],
  },
  {
    code: 'touches-assertions',
    text: 'touches what tests assert or are defined with',
    tests: false,
    patterns: [
      re`${LOADS}«(?:[^»]{0,200}\bnode_modules/)?(?:(?:node:)?(?:assert|test)|chai|expect|@jest/\w+|vitest|@vitest/[\w-]+|mocha|sinon|should|jest-\w+|uvu|tape|tap|ava|unexpected|@hapi/(?:code|lab)|
        power-assert|earl|expect\.js|must|jasmine(?:-core)?)[»/]`,
      re`\btypeof ${TESTING}\b(?![.(])|«${TESTING}»in global|\bglobal(?:This)?\.${TESTING}\b|(?<![.\w$])jest\.\w|
        (?<![.\w$])vi\.(?:fn|mock|unmock|doMock|hoisted|spyOn|stub\w+|use\w+Timers|setSystemTime|importActual|\w+AllMocks|\w+Modules)\(|
        (?<![.\w$])expect\.(?:extend|setState|getState|addEqualityTesters|addSnapshotSerializer|prototype)\b`,
    ],
  },
  {
    code: 'touches-exit',
    text: 'touches how the process ends',
    tests: true,
    patterns: [
      re`${PROCESS}\.(?:${ENDS})\b|\)\.(?:exit\b|reallyExit\b|exitCode=(?!=))|[{,](?:${ENDS})\b[^{};]{0,300}\}=(?:globalThis\.)?process\b(?!\.)`,
      re`${PROCESS}\.${LISTENS}\b(?<!\bof\[(?:«SIG\w+»,?)+\](?:as const)?\)\{?process\.\w+)(?!\(«(?:SIG[A-Z0-9]+|message|disconnect|warning)»)|\)\.${LISTENS}\(«(?:exit|beforeExit|uncaughtException\w*|unhandledRejection)»`,
      re`(?<!\bimport process |\bprocess=)${LOADS}«(?:node:)?process»|«(?:node:)?process»\)[.[]`,
    ],
  },
  {
    code: 'reaches-around',
    text: 'reaches around the language into what runs it',
    tests: true,
    patterns: [
      PROC,
      re`${PROCESS}(?!\.(?:${INFORMS}|${ENDS}|env|execArgv)\b|(?<![=(,:?&|[!+>]process|return process)\.${LISTENS}\b|${NAMED}|${ASKED}|(?<=\{(?:(?:${INFORMS})(?::\w+)?,?)+\}=process)(?![.[(])|
        (?: from|=require\()«(?:node:)?process»(?!\)[.[]))(?:\.\w+|\[)?`,
      re`\bglobal(?:This)?\[|${FREE}eval\b(?!:)|\bFunction\(|(?<![!=])=Function\b|\(Function,|getBuiltinModule|syncBuiltinESMExports|registerHooks|toJSON[=(]`,
      re`${LOADS}«(?:node:)?(?:module|inspector(?:/promises)?|vm|v8|repl|async_hooks|diagnostics_channel|domain)»|${LOADS}«data:|require\.(?:cache|extensions)\b|\bModule\._`,
      re`\b${BUILT_IN}\.prototype(?:\.\w+|\[[^\]]{0,100}\])[|&?]{0,2}=(?![=>])|(?:defineProperty|defineProperties|setPrototypeOf|assign)\((?:globalThis|global|process|console|(?:Object|Array)\.prototype)\b`,
      // A comment of HTML, and a slash that may begin a regular expression or divide: what follows is read in one way or another.
      re`<!--| -->|(?:\}|\b(?:await|yield)|(?<!\b(?:return|typeof|case|in|of|void|delete|throw|do|else))[\w$)\]»]!)/`,
    ],
  },
  {
    code: 'reaches-around',
    text: 'reaches around the language into what runs it',
    tests: false,
    patterns: [
      re`(?<!(?<!\.\.)[.#$@])\bglobal(?:This)?\b(?!\.\w|\[|\{|${NAMED}|${ASKED})|\breturn this\}\)*\(|\bglobal(?:This)?\.(?:Function|require|module)\b`,
      re`(?<![.\w$])(?:global(?:This)?\.)?${BUILT_IN}\.\w+[|&?]{0,2}=(?![=>])|\bglobal(?:This)?\.${BUILT_IN}=(?!=)|Reflect\.(?:set|defineProperty)\(${BUILT_IN}\b|
        (?:defineProperty|defineProperties|assign)\(${BUILT_IN}(?:\.prototype)?,|(?<![!=])=${BUILT_IN}\.prototype\b(?![.[])|\.__proto__\b`,
      re`${PROCESS}\.(?!env\b|(?:${ENDS})\b)\w+(?:\.\w+)*[|&?]{0,2}=(?![=>])`,
      re`(?<!(?<!\bmodule)\.|typeof |import )\brequire\b(?!\(«|\.(?:resolve|main|cache|extensions)\b|${NAMED}|=)|\b(?:require|import)\((?!«)|\b(?:require|import)\(«[^.»][^»]{0,200}»\+`,
      re`\bmodule\.constructor\b|\.constructor\.(?:constructor|_)|(?<!\bnew [\w.]{0,80})\.constructor\(|[)\]}»]\.constructor\b|[\w$)\]]\[«[\w$]+»\]`,
    ],
  },
];

/** From where its line begins, or not far before it. */
function shownAt(code: string, owners: readonly { piece: Piece }[], index: number): string {
  let from = index;
  while (index - from < 100 && owners[from - 1]?.piece.line === owners[index]?.piece.line) from--;
  return code
    .slice(from, from + 200)
    .replace(/[«»]/g, "'")
    .replace(/\s+/g, ' ')
    .trim();
}

type Found = { mark: Mark; match: string; line: number; end: number; shown: string };

function find(path: string, source: string): Found[] {
  const texts: string[] = [];
  const owners: { piece: Piece; at: number }[] = [];
  let last: Piece | undefined;
  for (const piece of pieces(source, path)) {
    // Words need a space between them; what begins a line with `-->` is a comment.
    const words = /[\w$]$/.test(last?.text.slice(-1) ?? '') && /^[\w$]/.test(piece.text);
    const text =
      words || (piece.text === '--' && piece.line > (last?.end ?? 0)) ? ` ${piece.text}` : piece.text;
    texts.push(text);
    const owner = { piece, at: owners.length };
    for (let i = 0; i < text.length; i++) owners.push(owner);
    last = piece;
  }
  const code = texts.join('');
  const found: Found[] = [];
  for (const mark of MARKS) {
    if (!mark.tests && isTest(path)) continue;
    for (const pattern of mark.patterns) {
      pattern.lastIndex = 0;
      for (let match = pattern.exec(code); match !== null; match = pattern.exec(code)) {
        const { index } = match;
        const [first, until] = [owners[index], owners[index + match[0].length - 1]];
        // What a text says is no code; what it names may be a mark.
        const said = first !== undefined && index > first.at && first.piece.text.startsWith('«');
        if (first === undefined || until === undefined) break;
        if (said && !SAID.has(pattern)) pattern.lastIndex = index + 1;
        else
          found.push({
            ...{ mark, match: match[0], line: first.piece.line, end: until.piece.end },
            shown: shownAt(code, owners, index),
          });
      }
    }
  }
  return found;
}

/** Doubts about what `after` has on a line that `before` has not, or more often than `before`. Comments do not count. */
export function marks(path: string, before: string | null, after: string): TestDoubt[] {
  const fresh = newLines(before, after);
  const keyOf = ({ mark, match }: Found) => `${mark.code} ${match}`;
  const known = new Map<string, number>();
  for (const one of find(path, before ?? '')) known.set(keyOf(one), (known.get(keyOf(one)) ?? 0) + 1);
  const doubts = new Map<string, TestDoubt>();
  for (const one of find(path, after)) {
    const { mark, end, shown } = one;
    let { line } = one;
    while (line <= end && !fresh.has(line)) line++;
    if (line > end) {
      const left = known.get(keyOf(one)) ?? 0;
      known.set(keyOf(one), left - 1);
      if (left > 0) continue;
      line = one.line;
    }
    const key = `${mark.code} ${line}`;
    if (!doubts.has(key))
      doubts.set(key, {
        code: mark.code,
        text: `${mark.text}: \`${shown}\``,
        path,
        line,
      });
  }
  return [...doubts.values()].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}
