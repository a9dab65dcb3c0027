import type { TestDoubt } from '@millwright/domain';
import { isTest } from './configuration.ts';
import { newLines } from './lexer.ts';
import * as ofProcess from './marks/of-process.ts';
import * as ofRunner from './marks/of-runner.ts';
import * as ofRuntime from './marks/of-runtime.ts';
import { braceBefore, type Code, chainEnd, meant } from './marks/walk.ts';

// Code that speaks to who runs it: it reads a runner's marks, touches assertions, exit codes and exit handlers, or reaches around the
// language into the runtime. Most of it is honest (a command-line program ends itself). No verdict follows; a person sees the line.

type Mark = {
  code: string;
  text: string;
  /** Whether it is one in a test too. */
  tests: boolean;
  /** Whether one begins at token `i`. */
  finds: readonly ((code: Code, i: number) => boolean)[];
};

const REACHES = { code: 'reaches-around', text: 'reaches around the language into what runs it' };

const MARKS: readonly Mark[] = [
  {
    code: 'reads-runner-marks',
    text: 'reads what tells it that it is being tested',
    tests: false,
    finds: [
      ofRunner.namesRunner,
      ofRunner.comparesWithTest,
      ofRunner.namesTestFile,
      ofRunner.asksForBundler,
      ofRunner.tellsPlaces,
      ofProcess.readsEnvironment,
    ],
  },
  {
    code: 'reads-its-caller',
    text: 'reads who called it',
    tests: false,
    finds: [ofRunner.readsStack, ofRunner.asksWhoLoads, ofRunner.asksWhatStarted],
  },
  {
    code: 'touches-assertions',
    text: 'touches what tests assert or are defined with',
    tests: false,
    finds: [ofRunner.loadsAssertions, ofRunner.touchesTesting],
  },
  {
    code: 'touches-exit',
    text: 'touches how the process ends',
    tests: true,
    finds: [ofProcess.endsProcess, ofRuntime.loadsProcess],
  },
  {
    ...REACHES,
    tests: true,
    finds: [
      ofProcess.usesProcess,
      ofRuntime.loadsRuntime,
      ofRuntime.hooksIn,
      ofRuntime.evaluates,
      ofRuntime.overridesForAll,
    ],
  },
  {
    ...REACHES,
    tests: false,
    finds: [
      ofProcess.setsInProcess,
      ofRuntime.loadsUnknown,
      ofRuntime.renames,
      ofRuntime.reachesConstructor,
      ofRuntime.overrides,
    ],
  },
];

/** From where its line begins, or not far before it. */
function shownAt(code: Code, i: number): string {
  let from = i;
  while (i - from < 20 && code[from - 1]?.line === code[i]?.line) from--;
  let shown = '';
  for (const { text } of code.slice(from, from + 50))
    shown += /\w$/.test(shown) && /^\w/.test(text) ? ` ${text}` : text;
  return shown.replace(/\s+/g, ' ').slice(0, 200);
}

/** The first new line of what begins at `i`: from what takes it apart to the first argument behind it. */
function newLineAt(code: Code, i: number, fresh: ReadonlySet<number>): number | null {
  const last = code[Math.min(chainEnd(code, i) + 2, code.length - 1)]?.end ?? 0;
  for (let line = code[braceBefore(code, i)]?.line ?? 0; line <= last; line++)
    if (fresh.has(line)) return line;
  return null;
}

/** Doubts about what `after` has on a line that `before` has not. Comments do not count. */
export function marks(path: string, before: string | null, after: string): TestDoubt[] {
  const fresh = newLines(before, after);
  const code = meant(after, path);
  const asked = MARKS.filter(({ tests }) => tests || !isTest(path));
  const doubts = new Map<string, TestDoubt>();
  for (const i of code.keys())
    for (const { code: kind, text, finds } of asked) {
      if (!finds.some((find) => find(code, i))) continue;
      const line = newLineAt(code, i, fresh);
      const key = `${kind} ${line}`;
      if (line === null || doubts.has(key)) continue;
      doubts.set(key, { code: kind, text: `${text}: \`${shownAt(code, i)}\``, path, line });
    }
  return [...doubts.values()].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}
