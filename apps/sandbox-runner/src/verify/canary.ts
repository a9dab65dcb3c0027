import type { Outcome } from './report.ts';

// Canaries: tests of ours, under random names, appended to the candidate's copy of every test file that the base reported from.
// Appended, not put in files of their own, because each test file is (for node, vitest and jest) a process or context of its own:
// what the code under test does to the runner or to its assertions it does there, and a canary elsewhere would not see it. They are
// registered last, so that `process.exit` on the way leaves them missing, and see everything that was patched while loading.
//
// What remains: code in the same process that was written against *these* canaries (reads its own test file, finds the names, and
// speaks the runner's own protocol for all of them) is not stopped here. Such code is in the patch, under the reviewer's eyes, and
// cannot reach another process, the network or the factory.

export const CANARY_KINDS = ['pass', 'throw', 'reject', 'assert'] as const;
export type CanaryKind = (typeof CANARY_KINDS)[number];

/** The canaries of one file. `names` are titles the tree has never seen; `proof` must be in the message of each that fails. */
export type Canary = { file: string; names: Record<CanaryKind, string>; proof: string };
export type KnownRunner = 'node' | 'vitest' | 'jest' | 'mocha';

/** Files that canaries can be appended to: the text must be valid JavaScript and TypeScript at once. */
export const canCarry = (file: string) => /\.[cm]?[jt]sx?$/.test(file) && !file.includes('node_modules/');

/** `random` gives a fresh random word of lower-case letters and digits, 12 or more. */
export function makeCanary(file: string, random: () => string): Canary {
  return {
    file,
    names: { pass: random(), throw: random(), reject: random(), assert: random() },
    proof: random(),
  };
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

const REGISTER: Record<KnownRunner, { before: string; test: string; expect: string; group: string }> = {
  node: {
    before: '',
    test: `g.process?.getBuiltinModule?.('node:test')?.test`,
    expect: 'undefined',
    group: '(define) => define()',
  },
  // In mocha tests outside any suite run before all suites; a suite of ours, registered last, runs after them.
  mocha: {
    before: '',
    test: 'g.it ?? g.test ?? g.specify',
    expect: 'g.expect',
    group: '(define) => (g.describe ?? g.suite)(GROUP, define)',
  },
  jest: { before: '', test: 'g.test', expect: 'g.expect', group: '(define) => define()' },
  vitest: {
    before: `import { test as TEST, expect as EXPECT } from 'vitest';`,
    test: 'TEST',
    expect: 'EXPECT',
    group: '(define) => define()',
  },
};

/**
 * The text that is appended to a test file: valid JavaScript and type-correct TypeScript, CommonJS and module, on lines of its own, so that
 * no line of the file moves. `root` is the workspace's absolute path inside the container.
 */
export function canarySource(runner: KnownRunner, canary: Canary, root: string): string {
  const how = REGISTER[runner];
  const { names, proof } = canary;
  const q = JSON.stringify;
  // Names of ours in the file's own scope must not meet the file's.
  const own = (text: string) =>
    text
      .replaceAll('TEST', `t_${names.pass}`)
      .replaceAll('EXPECT', `e_${names.pass}`)
      .replaceAll('GROUP', q(names.throw.slice(0, 6) + names.reject.slice(0, 6)));
  const held = runner === 'jest' || runner === 'vitest' ? '' : CHAI_ASSERTIONS;
  const first = runner === 'jest' || runner === 'vitest' ? 'expect?.(1).toBe(1);' : '';
  return own(`
/* eslint-disable */
${how.before}
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
  register(${q(names.pass)}, () => { ${first} });
  register(${q(names.throw)}, () => { throw new Error(${q(proof)}); });
  register(${q(names.reject)}, async () => { await null; throw new Error(${q(proof)}); });
  register(${q(names.assert)}, refuse);
});
})();
`)
    .replaceAll(
      'WRONG_LATER',
      `Function('let_by', 'return async (name, f) => { try { await f(); let_by.push(name); } catch {} }')(let_by)`,
    )
    .replaceAll(
      'WRONG',
      `Function('let_by', 'return (name, f) => { try { f(); let_by.push(name); } catch {} }')(let_by)`,
    )
    .replaceAll('HERE', q(`${root}/${canary.file}`));
}

/**
 * What is wrong with a file's canaries, or null when all four reported exactly as they must. A file that another test file imports reports
 * from both processes: each of its reports must then be right.
 */
export function canaryFault(canary: Canary, outcomes: readonly Outcome[]): string | null {
  for (const kind of CANARY_KINDS) {
    const own = outcomes.filter((o) => o.title === canary.names[kind]);
    if (own.length === 0) return `a canary test (${kind}) in ${canary.file} did not report`;
    for (const one of own) {
      const fault = reportFault(canary, kind, one);
      if (fault !== null) return fault;
    }
  }
  return null;
}

function reportFault(canary: Canary, kind: CanaryKind, { state, message }: Outcome): string | null {
  if (kind === 'pass') return state === 'pass' ? null : `the must-pass canary in ${canary.file} was ${state}`;
  if (state !== 'fail') return `the must-fail canary (${kind}) in ${canary.file} was ${state}`;
  if (message.includes(canary.proof)) return null;
  const neutered = /neutered:([ \w.]+)/.exec(message)?.[1]?.trim();
  return neutered === undefined
    ? `the must-fail canary (${kind}) in ${canary.file} failed with another error than its own`
    : `assertions let wrong values by in ${canary.file}: ${neutered.slice(0, 200)}`;
}
