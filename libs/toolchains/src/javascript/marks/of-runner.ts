import {
  type Code,
  chainEnd,
  closing,
  memberOf,
  moduleAt,
  nameAt,
  saidAt,
  takenFrom,
  textAt,
  wordAt,
  words,
} from './walk.ts';

// What code asks about its runner and its caller, and what it touches of what tests are made with.

const RUNNER_MARKS = [
  ...words(
    'NODE_TEST_ VITEST MOCHA_ JEST_WORKER_ID __vitest __jest $$jest jest-circus npm_lifecycle_ npm_command',
  ),
];
export const namesRunner = (code: Code, i: number) =>
  RUNNER_MARKS.some((mark) => textAt(code, i).includes(mark)) ||
  // `import.meta.vitest`
  (textAt(code, i) === 'meta' && memberOf(code, i)?.name === 'vitest');

/** `NODE_ENV` beside 'test', `mode === 'test'` */
export function comparesWithTest(code: Code, i: number): boolean {
  if (/^'?NODE_ENV'?$/.test(textAt(code, i))) return saidNear(code, i, /^'test'$|^\/.*test/);
  if (saidAt(code, i) !== 'test') return false;
  const compares = (one: number) => /^[!=]==?$/.test(textAt(code, one));
  const other = compares(i - 1) ? i - 2 : compares(i + 1) ? chainEnd(code, i + 2) : i;
  return /(env|mode)$/i.test(textAt(code, other));
}

/** Whether a text, or a regular expression, in the same statement and at most `far` tokens from `i` is like this. */
function saidNear(code: Code, i: number, pattern: RegExp, far = 10): boolean {
  let [from, to] = [i, i];
  while (from > i - far && textAt(code, from - 1) !== ';') from--;
  while (to < i + far && textAt(code, to) !== ';') to++;
  return code.slice(Math.max(from, 0), to).some(({ text }) => /^['/]/.test(text) && pattern.test(text));
}

const PROGRAM = /\b(tests?|specs?|jest|vitest|mocha|jasmine)\b/;
export const asksWhatStarted = (code: Code, i: number) =>
  wordAt(code, i) === 'argv' && saidNear(code, i, PROGRAM, 30);

/** `existsSync('test/sum.test.js')`: where the tests lie is no matter of what they test. */
export const namesTestFile = (code: Code, i: number) =>
  /^(\.{0,2}\/)*(tests?|specs?|__tests__)\/|\.(test|spec)\.[cm]?[jt]sx?$/.test(saidAt(code, i) ?? '');

/** `Boolean(import.meta.env)`: whether there is one, and not what it says. */
export function asksForBundler(code: Code, i: number): boolean {
  const env = textAt(code, i) === 'meta' ? memberOf(code, i) : null;
  return env?.name === 'env' && memberOf(code, env.end) === null;
}

/** `os.userInfo()`, `readdirSync('.') instanceof Array`: what is otherwise in a sandbox, and under runners with a realm of their own. */
export const tellsPlaces = (code: Code, i: number) =>
  /^(userInfo|networkInterfaces)$/.test(wordAt(code, i)) ||
  (textAt(code, i) === 'instanceof' &&
    textAt(code, i - 1) === ')' &&
    /^(Array|Object|Function|Uint8Array|Error|Promise)$/.test(textAt(code, i + 1)));

/** `require.main.filename`, `module.parent.id`; to ask whether there is one is ordinary. */
export function asksWhoLoads(code: Code, i: number): boolean {
  const asker = textAt(code, i);
  if (asker !== 'require' && asker !== 'module') return false;
  const member = memberOf(code, i);
  return member?.name === (asker === 'require' ? 'main' : 'parent') && memberOf(code, member.end) !== null;
}

const INSPECTS = words('includes match matchAll split search indexOf');

/** `Error.prepareStackTrace`, `error.stack.split(…)`, `new Error().stack`, `{ stack } = new Error()` */
export function readsStack(code: Code, i: number): boolean {
  const text = wordAt(code, i);
  const end = saidAt(code, i) === null ? i : i + 1; // `['stack']` ends with its bracket
  if (text === 'captureStackTrace') return textAt(code, end + 2) !== 'this';
  if (text === 'stack') return INSPECTS.has(memberOf(code, end)?.name ?? '');
  if (text !== 'Error' || textAt(code, i + 1) !== '(')
    return /^(prepareStackTrace|getCallSites?)$/.test(text);
  return memberOf(code, closing(code, i + 1))?.name === 'stack' || takenFrom(code, i - 1).includes('stack');
}

const ASSERTIONS =
  words(`assert test chai expect vitest mocha sinon should uvu tape tap ava unexpected power-assert earl jest-circus
  jest-mock jasmine jasmine-core expect.js @hapi/code @hapi/lab`);
export const loadsAssertions = (code: Code, i: number) =>
  ASSERTIONS.has(moduleAt(code, i)) || /^@(jest|vitest)\//.test(moduleAt(code, i));

const TESTING = words('describe it test suite expect jest vi mocha beforeAll beforeEach afterAll afterEach');
const EXTENDS = words('extend setState getState addEqualityTesters addSnapshotSerializer prototype');
const MOCKS = words(
  'fn mock unmock doMock spyOn hoisted stubGlobal stubEnv useFakeTimers setSystemTime resetModules',
);

/** `globalThis.it`, `typeof describe`, `'it' in globalThis`, `expect.extend`, `jest.mock` */
export function touchesTesting(code: Code, i: number): boolean {
  const [name, said] = [nameAt(code, i), saidAt(code, i)];
  if (said !== null)
    return TESTING.has(said) && /^in global/.test(`${textAt(code, i + 1)} ${textAt(code, i + 2)}`);
  if (!TESTING.has(name?.name ?? '')) return false;
  const member = memberOf(code, i)?.name ?? '';
  if (name?.end !== i) return true;
  if (textAt(code, i - 1) === 'typeof') return !/^[.(]$/.test(textAt(code, i + 1));
  return textAt(code, i) === 'expect'
    ? EXTENDS.has(member)
    : /^(jest|vi)$/.test(textAt(code, i)) && MOCKS.has(member);
}
