import type { Canary, CanaryKind } from '../toolchain.ts';
import { HOLD_EXPECT, HOLD_MATCHERS, HOLD_NODE, holdChai } from './hold.ts';

// Canaries: tests of ours, under random names, put into the copy of every test file that the base reported from; before its own tests,
// between them and behind them, each kind where chance puts it. In the file, not beside it, because each test file is (for node, vitest and
// jest) a process or context of its own: what the code under test does to the runner or to its assertions it does there, and a canary
// elsewhere would not see it.
//
// What remains is said in docs/verdicts.md: code in the same process that was written against the names of *these* tests and speaks the
// runner's own protocol for them.

type KnownRunner = 'node' | 'vitest' | 'jest' | 'mocha';
const KNOWN: readonly string[] = ['node', 'vitest', 'jest', 'mocha'];
const isKnown = (runner: string): runner is KnownRunner => KNOWN.includes(runner);

/** Files that canaries can be put into: the text must be valid JavaScript and TypeScript at once. */
export const canCarry = (file: string) => /\.[cm]?[jt]sx?$/.test(file) && !file.includes('node_modules/');

const KINDS: readonly CanaryKind[] = ['pass', 'throw', 'reject', 'assert'];

/** `random` gives a fresh random word of lower-case letters and digits, 12 or more. */
export function makeCanary(
  { file, runner, place }: Pick<Canary, 'file' | 'runner' | 'place'>,
  random: () => string,
): Canary {
  const chosen = place !== 'after' ? (['throw', 'pass', 'assert', ...KINDS] as const) : KINDS;
  const marks = chosen.map((kind) => ({ title: random(), kind, at: random() }));
  // By a random word: an order that the tree cannot know.
  const behind = marks.slice(-KINDS.length).sort((a, b) => (a.at < b.at ? -1 : 1));
  const ahead = marks.slice(0, -KINDS.length).sort((a, b) => (a.at < b.at ? -1 : 1));
  const all = [...ahead, ...behind].map(({ title, kind }) => ({ title, kind }));
  return { file, runner, place, marks: all, proof: random() };
}

// Each is wrong on purpose: an assertion that lets it by was neutered.
const NODE_ASSERTIONS = `
  const node = g.process?.getBuiltinModule?.('node:assert');
  for (const a of node === undefined ? [] : [node, node.strict]) {
    wrong('assert', () => a(false)); wrong('ok', () => a.ok(0)); wrong('equal', () => a.equal(1, 2));
    wrong('strictEqual', () => a.strictEqual('a', 'b')); wrong('deepEqual', () => a.deepEqual({ a: [1] }, { a: [2] }));
    wrong('deepStrictEqual', () => a.deepStrictEqual([1], [2])); wrong('notEqual', () => a.notEqual(1, 1));
    wrong('notStrictEqual', () => a.notStrictEqual(1, 1)); wrong('notDeepStrictEqual', () => a.notDeepStrictEqual([1], [1]));
    wrong('throws', () => a.throws(() => {})); wrong('match', () => a.match('a', /b/)); wrong('fail', () => a.fail());
    wrong('doesNotThrow', () => a.doesNotThrow(() => { throw new Error(); }));
    await wrongLater('rejects', () => a.rejects(async () => {}));
  }`;

const EXPECT_ASSERTIONS = `
  if (expect !== undefined) {
    wrong('toBe', () => expect(1).toBe(2)); wrong('toEqual', () => expect({ a: [1] }).toEqual({ a: [2] }));
    wrong('toStrictEqual', () => expect([1]).toStrictEqual([2])); wrong('toBeTruthy', () => expect(0).toBeTruthy());
    wrong('toBeFalsy', () => expect(1).toBeFalsy()); wrong('toBeNull', () => expect(1).toBeNull());
    wrong('toBeUndefined', () => expect(1).toBeUndefined()); wrong('toBeDefined', () => expect(undefined).toBeDefined());
    wrong('toContain', () => expect([1]).toContain(2)); wrong('toMatch', () => expect('a').toMatch(/b/));
    wrong('toHaveLength', () => expect([1]).toHaveLength(2)); wrong('toThrow', () => expect(() => {}).toThrow());
    wrong('toBeGreaterThan', () => expect(1).toBeGreaterThan(2)); wrong('toBeCloseTo', () => expect(1).toBeCloseTo(2));
    wrong('toMatchObject', () => expect({ a: 1 }).toMatchObject({ a: 2 })); wrong('not', () => expect(1).not.toBe(1));
    wrong('toHaveProperty', () => expect({}).toHaveProperty('a')); wrong('toBeInstanceOf', () => expect(1).toBeInstanceOf(Map));
    await wrongLater('resolves', () => expect(Promise.resolve(1)).resolves.toBe(2));
    await wrongLater('rejects', () => expect(Promise.resolve(1)).rejects.toThrow());
  }`;

const CHAI_ASSERTIONS = `
  let chai = undefined;
  try { chai = g.process.getBuiltinModule('node:module').createRequire(HERE)('chai'); } catch {}
  if (chai !== undefined) {
    wrong('chai.equal', () => chai.assert.equal(1, 2)); wrong('chai.ok', () => chai.assert.ok(false));
    wrong('chai.deepEqual', () => chai.assert.deepEqual([1], [2])); wrong('chai.throws', () => chai.assert.throws(() => {}));
    wrong('chai.to.equal', () => chai.expect(1).to.equal(2)); wrong('chai.to.eql', () => chai.expect([1]).to.eql([2]));
    wrong('chai.to.be.true', () => chai.expect(false).to.be.true); wrong('chai.not', () => chai.expect(1).to.not.equal(1));
  }`;

const REGISTER: Record<KnownRunner, { test: string; expect: string; group: string }> = {
  node: {
    test: `g.process?.getBuiltinModule?.('node:test')?.test`,
    expect: 'undefined',
    group: '(define) => define()',
  },
  // In mocha tests outside any suite run before all suites; a suite of ours stays where it is put.
  mocha: {
    test: 'g.it ?? g.test ?? g.specify',
    expect: 'g.expect',
    group: '(define) => (g.describe ?? g.suite)(GROUP, define)',
  },
  jest: { test: 'g.test', expect: 'g.expect', group: '(define) => define()' },
  vitest: { test: 'TEST', expect: 'EXPECT', group: '(define) => define()' },
};

const q = JSON.stringify;
const oneLine = (text: string) => text.replaceAll(/\s*\n\s*/g, ' ').trim();

/** One group of canaries as a statement: valid JavaScript and type-correct TypeScript, CommonJS and module. */
function group(runner: KnownRunner, canary: Canary, marks: Canary['marks'], root: string): string {
  const how = REGISTER[runner];
  const { proof } = canary;
  const held = runner === 'jest' || runner === 'vitest' ? '' : CHAI_ASSERTIONS;
  const first = runner === 'jest' || runner === 'vitest' ? 'expect?.(1).toBe(1);' : '';
  const bodies: Record<CanaryKind, string> = {
    pass: `() => { ${first} }`,
    throw: `() => { throw new Error(${q(proof)}); }`,
    reject: `async () => { await null; throw new Error(${q(proof)}); }`,
    assert: 'refuse',
  };
  const id = canary.marks[0]?.title ?? '';
  const text = `
;(() => {
const g = Function('return globalThis')();
const register = ${how.test};
const expect = ${how.expect};
if (typeof register !== 'function') return;
const group = ${how.group};
const refuse = async () => {
  const let_by = [''];
  const wrong = WRONG;
  const wrongLater = WRONG_LATER;${NODE_ASSERTIONS}${EXPECT_ASSERTIONS}${held}
  if (let_by.length > 1) throw new Error('neutered:' + let_by.join(' '));
  throw new Error(${q(proof)});
};
group(() => {
${marks.map(({ title, kind }) => `register(${q(title)}, ${bodies[kind]});`).join('\n')}
});
})();`
    .replaceAll('TEST', `t_${id}`)
    .replaceAll('EXPECT', `e_${id}`)
    .replaceAll('GROUP', q(`g${marks[0]?.title.slice(0, 10)}`))
    .replaceAll(
      'WRONG_LATER',
      `Function('let_by', 'return async (name, f) => { try { await f(); let_by.push(name); } catch {} }')(let_by)`,
    )
    .replaceAll(
      'WRONG',
      `Function('let_by', 'return (name, f) => { try { f(); let_by.push(name); } catch {} }')(let_by)`,
    )
    .replaceAll('HERE', q(`${root}/${canary.file}`));
  return oneLine(text);
}

const isModule = (file: string, text: string) =>
  /\.m[jt]s$/.test(file) || (!/\.c[jt]s$/.test(file) && /^\s*(import\s*[\w*{'"]|export\s)/m.test(text));

/** A statement that defines tests, at the margin, behind the end of another. */
const BETWEEN = /(?<=[;)}]\s*\n)(?=(?:test|it|describe|suite|context)(?:\.\w+)?\()/g;

/** Puts canaries into a file so that none of its lines moves. */
export function carrying(text: string, canary: Canary, root: string): string {
  if (!isKnown(canary.runner)) return text;
  const runner = canary.runner;
  const id = canary.marks[0]?.title ?? '';
  const imports = runner === 'vitest' ? `import { test as t_${id}, expect as e_${id} } from 'vitest'; ` : '';
  const say = (marks: Canary['marks']) => group(runner, canary, marks, root);
  const behind = canary.marks.slice(-KINDS.length);
  const end = (before: string) => `${before}\n/* eslint-disable */ ${imports}${say(behind)}\n`;
  if (canary.place === 'after') return end(text);
  const [one, two, ...more] = canary.marks.slice(0, -KINDS.length);
  const inner = inBetween(
    text,
    [two, ...more].flatMap((mark) => (mark === undefined ? [] : [say([mark])])),
  );
  return end(ahead(inner, runner, { ...canary, root }, one === undefined ? '' : say([one])));
}

/** Statements spread over the places where tests begin; behind the last of them where there are too few. */
function inBetween(text: string, statements: readonly string[]): string {
  const places = [...text.matchAll(BETWEEN)].map((match) => match.index);
  if (places.length === 0) return text + statements.join('');
  let out = text;
  // From the end, so that places stay where they are.
  for (const [index, statement] of [...statements.entries()].reverse()) {
    const place = places[Math.floor(((index + 1) * places.length) / (statements.length + 1))] ?? text.length;
    out = `${out.slice(0, place)}${statement} ${out.slice(place)}`;
  }
  return out;
}

/** What stands before the file's first statement, on its first line: assertions are frozen before anything of the tree is loaded. */
function ahead(
  text: string,
  runner: KnownRunner,
  { file, place, root }: Pick<Canary, 'file' | 'place'> & { root: string },
  statement: string,
): string {
  const shebang = /^#!.*\n/.exec(text)?.[0] ?? '';
  const rest = text.slice(shebang.length);
  const strict = /^\s*(['"])use strict\1;?/.exec(rest)?.[0] ?? '';
  // Through Function: text, so that a type checker has nothing to say.
  const hold = runner === 'jest' ? `Function(${q(HOLD_EXPECT)})();` : '';
  // jest and vitest keep their assertions to themselves, or are held by their matchers.
  const besides =
    place === 'around' && (runner === 'node' || runner === 'mocha') ? holdChai(`${root}/${file}`) : '';
  const held = HOLD_NODE + HOLD_MATCHERS + besides;
  // Imports are evaluated before statements, in their order: a module needs an import to be first.
  const first =
    runner !== 'jest' && isModule(file, text)
      ? `import ${q(`data:text/javascript,${encodeURIComponent(held)}`)};`
      : `Function(${q(held)})();`;
  return `${shebang}${strict}${strict === '' || strict.endsWith(';') ? '' : ';'}${first}${hold}${statement} ${rest.slice(strict.length)}`;
}

/** A text that fails when it is loaded: for runners whose names are unknown. */
export const failing = (text: string, proof: string): string =>
  `${text}\n;(() => { throw new Error(${q(proof)}); })();\n`;

/**
 * Whether it is only compiled, as it stands: whatever names it calls a compiler that runs nothing of it, and nothing else. What is not known to be
 * left alone says its word: a runner of tests, or a script, may load it.
 */
function onlyCompiled(name: string, commands: readonly string[]): boolean {
  const file = name.slice(name.lastIndexOf('/') + 1);
  const naming = commands.filter((command) => command.includes(file));
  return (
    /\.[cm]?tsx?$/.test(name) &&
    naming.length > 0 &&
    naming.every((command) => /^(?:npx\s+)?(?:\S*\/)?ts[cd]\s[^;&|`$<>\n]*$/.test(command.trim()))
  );
}

/** A program of an acceptance check that says its word at its end (harness/check.cjs). `name` is its path in the workspace. */
export function speaking(
  name: string,
  text: string,
  folder: string,
  commands: readonly string[],
): string | null {
  if (!canCarry(name) || onlyCompiled(name, commands)) return null;
  const word = `said_${name.replaceAll(/\W/g, '_')}`;
  const shebang = /^#!.*\n/.exec(text)?.[0] ?? '';
  const rest = text.slice(shebang.length).replaceAll(/\bprocess\.exit\(/g, `${word}.exit(`);
  const from = q(`${folder}/check.cjs`);
  const first = isModule(name, text)
    ? `import check_${word} from ${from}; const ${word} = check_${word}(${q(name)});`
    : `const ${word} = require(${from})(${q(name)});`;
  return `${shebang}${first} ${rest}\n;${word}();\n`;
}

/** A command that gives code to node itself: it must say its word. */
export const speaks = (command: string): boolean =>
  /\bnode\b[^|;&]*\s(-e|--eval|-p|-pe|--print)\b|\bnode\s+(-\s*)?<</.test(command);
