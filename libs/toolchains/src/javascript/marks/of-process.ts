import { type Code, closing, isSet, memberOf, nameAt, saidAt, takenFrom, textAt, words } from './walk.ts';

// What code asks of `process`. What only informs is listed, and all else is a mark, so that no new name for it goes unseen.

const INFORMS =
  words(`argv argv0 cwd chdir umask platform arch version versions release pid execPath stdout stderr stdin hrtime env
  memoryUsage cpuUsage resourceUsage uptime nextTick emitWarning getuid geteuid getgid getegid getgroups execArgv`);
const ENDS = words('exit reallyExit exitCode abort kill emit removeAllListeners binding');
const LISTENS = words('on once addListener prependListener prependOnceListener off removeListener');
const HARMLESS_EVENT = /^(SIG[A-Z0-9]+|message|disconnect|warning)$/;

/** Where `process` or `globalThis.process` ends that begins at `i`. No parameter, key or function of this name is it. */
function processAt(code: Code, i: number): number | null {
  const found = nameAt(code, i);
  if (found?.name !== 'process') return null;
  const before = textAt(code, i - 1);
  const next = textAt(code, found.end + 1);
  const declared = /^(const|let|var|import|as)$/.test(before) || next === '(' || next === '<';
  const key = before !== '?' && (next === ':' || (next === '?' && textAt(code, found.end + 2) === ':'));
  return declared || key ? null : found.end;
}

type Effect = 'informs' | 'ends' | 'unknown';

function effectOfName(name: string | null): Effect {
  if (INFORMS.has(name ?? '')) return 'informs';
  return ENDS.has(name ?? '') || name?.startsWith('_') ? 'ends' : 'unknown';
}

function effectAt(code: Code, i: number): Effect | null {
  const end = processAt(code, i);
  if (end === null) return null;
  const member = memberOf(code, end);
  if (member === null) return effectOfWhole(code, i, end);
  if (!LISTENS.has(member.name ?? '')) return effectOfName(member.name);
  return eventsAt(code, member.end + 2).every((event) => HARMLESS_EVENT.test(event)) ? 'informs' : 'ends';
}

/** `typeof process`, `process && a`, `{ argv, exit } = process`; all else hands it on. */
function effectOfWhole(code: Code, i: number, end: number): Effect {
  if (textAt(code, i - 1) === 'typeof' || /^(&&|[!=]==?)$/.test(textAt(code, end + 1))) return 'informs';
  const effects = takenFrom(code, i).map(effectOfName);
  if (effects.includes('ends')) return 'ends';
  return effects.length === 0 || effects.includes('unknown') ? 'unknown' : 'informs';
}

/** What is said at `i`, there or in a loop: `for (const event of ['a', 'b']) process.on(event`. */
function eventsAt(code: Code, i: number): string[] {
  const said = saidAt(code, i);
  for (let of = i; said === null && of > i - 20; of--)
    if (textAt(code, of) === 'of' && textAt(code, of - 1) === textAt(code, i) && textAt(code, of + 1) === '[')
      return code
        .slice(of + 2, closing(code, of + 1))
        .flatMap((one) => (one.text === ',' ? [] : (one.said ?? '')));
  return [said ?? ''];
}

export const endsProcess = (code: Code, i: number) => effectAt(code, i) === 'ends';
export const usesProcess = (code: Code, i: number) => effectAt(code, i) === 'unknown';

/** `process.stdout.write = f`; the environment may be set. */
export function setsInProcess(code: Code, i: number): boolean {
  const end = processAt(code, i);
  return (
    end !== null && effectAt(code, i) === 'informs' && memberOf(code, end)?.name !== 'env' && isSet(code, end)
  );
}

const RUNNER_WORDS = words('TEST TESTS TESTING AVA TAP MOCHA JEST JASMINE KARMA');
const isOfRunner = (name: string) => name === '...' || name.split('_').some((word) => RUNNER_WORDS.has(word));

/** `process.env.TEST`, `process.env[name]`, all of it. To hand it on to a child or a configuration is ordinary. */
export function readsEnvironment(code: Code, i: number): boolean {
  const asked = memberOf(code, processAt(code, i) ?? code.length);
  if (asked?.name !== 'env') return asked?.name === 'execArgv';
  const member = memberOf(code, asked.end);
  if (member !== null) return member.name === null || isOfRunner(member.name);
  const taken = takenFrom(code, i);
  if (taken.length > 0) return taken.some(isOfRunner);
  const before = textAt(code, i - 1);
  if (before === 'in') return isOfRunner(saidAt(code, i - 2) ?? '...');
  return !/^(\.\.\.|[:(,])$/.test(before) && textAt(code, asked.end + 1) !== '&&';
}
