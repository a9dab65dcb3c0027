import {
  braceBefore,
  type Code,
  chainEnd,
  closing,
  isSet,
  memberOf,
  moduleAt,
  nameAt,
  saidAt,
  textAt,
  wordAt,
  words,
} from './walk.ts';

// How code reaches around the language into what runs it.

const RUNTIME = words('module inspector vm v8 repl async_hooks diagnostics_channel domain data:');
export const loadsRuntime = (code: Code, i: number) => RUNTIME.has(moduleAt(code, i));

/** But for `import process from 'process'` and `process = require('process')`: what uses that name is seen. */
export function loadsProcess(code: Code, i: number): boolean {
  if (moduleAt(code, i) !== 'process') return false;
  if (textAt(code, i - 1) === 'from') return textAt(code, i - 2) !== 'process';
  return textAt(code, i - 4) !== 'process' || memberOf(code, i + 1) !== null;
}

const HOOKS = words('getBuiltinModule syncBuiltinESMExports registerHooks');

/** `getBuiltinModule`, `toJSON() {`, '/proc/', `require.cache`, `Module._load` */
export function hooksIn(code: Code, i: number): boolean {
  const text = textAt(code, i);
  if (text === 'toJSON') return /^[=(]$/.test(textAt(code, i + 1));
  if (HOOKS.has(text) || saidAt(code, i)?.includes('/proc/')) return true;
  const asked = /^(require|Module)$/.test(text) ? `${text}.${memberOf(code, i)?.name}` : '';
  return /^(require\.(cache|extensions)|Module\._.*)$/.test(asked);
}

/** `eval`, `Function(…)`, `globalThis[name]` */
export function evaluates(code: Code, i: number): boolean {
  const found = nameAt(code, i);
  if (found?.name === 'eval') return textAt(code, found.end + 1) !== ':';
  return found?.name === null || (found?.name === 'Function' && textAt(code, found.end + 1) === '(');
}

/** `require(name)`, `import('node:' + name)`; what begins with a dot is the tree's own. */
export function loadsUnknown(code: Code, i: number): boolean {
  if (textAt(code, i + 1) !== '(' || !/^(require|import)$/.test(nameAt(code, i)?.name ?? '')) return false;
  const said = saidAt(code, i + 2);
  return said === null || (textAt(code, i + 3) === '+' && !said.startsWith('.'));
}

/** `= require`, `= globalThis` */
export const renames = (code: Code, i: number) =>
  /^(require|globalThis|global)$/.test(textAt(code, i)) &&
  textAt(code, i - 1) === '=' &&
  chainEnd(code, i) === i &&
  textAt(code, i + 1) !== '(';

/** `a.__proto__`, `module.constructor`, `a.constructor.constructor`, `a.constructor('return 1')` */
export function reachesConstructor(code: Code, i: number): boolean {
  const { name, end } = memberOf(code, i) ?? { name: null, end: i };
  if (name !== 'constructor') return name === '__proto__';
  if (textAt(code, i) === 'module' || memberOf(code, end)?.name === 'constructor') return true;
  return textAt(code, i) !== 'this' && textAt(code, end + 1) === '(' && saidAt(code, end + 2) !== null;
}

const BUILT_INS =
  words(`Object Array String Number Boolean BigInt Symbol Function Promise Error RegExp Map Set WeakMap Date Math JSON
  Reflect Proxy Buffer EventEmitter console`);
const DEFINES = words('assign defineProperty defineProperties set setPrototypeOf');

/** Whether `a` at `i` is given new members: `Object.assign(a, b)` */
const isDefined = (code: Code, i: number) =>
  DEFINES.has(textAt(code, i - 2)) &&
  textAt(code, i - 1) === '(' &&
  textAt(code, chainEnd(code, i) + 1) === ',';

/** `Array.prototype.x = f`, `Object.getPrototypeOf([]).x = f`, `Object.assign(globalThis, …)`, and the same of what was given a name. */
export function overridesForAll(code: Code, i: number): boolean {
  const text = textAt(code, i);
  if (/^(globalThis|global|console)$/.test(text)) return isDefined(code, i);
  if (prototypesOf(code).has(text) && textAt(code, i - 1) !== '.')
    return isSet(code, i) || isDefined(code, i);
  const end = prototypeAt(code, i);
  return end !== null && (isSet(code, end) || isDefined(code, i));
}

/** Where `Array.prototype` or `Object.getPrototypeOf(…)` ends that begins at `i`. */
function prototypeAt(code: Code, i: number): number | null {
  const { name, end } = nameAt(code, i) ?? { name: null, end: i };
  if (!BUILT_INS.has(name ?? '')) return null;
  const member = memberOf(code, end);
  if (member?.name === 'prototype') return member.end;
  const asked = member?.name === 'getPrototypeOf' && textAt(code, member.end + 1) === '(';
  return asked ? closing(code, member.end + 1) : null;
}

const named = new WeakMap<Code, ReadonlySet<string>>();

/** What a file calls the prototypes of built-ins: `const list = Array.prototype`, `{ prototype: list } = Array`. */
function prototypesOf(code: Code): ReadonlySet<string> {
  const before = named.get(code);
  if (before !== undefined) return before;
  const names = new Set<string>();
  for (const i of code.keys()) {
    if (textAt(code, i - 1) !== '=') continue;
    const end = prototypeAt(code, i);
    if (end !== null && memberOf(code, end) === null && /\w$/.test(textAt(code, i - 2)))
      names.add(textAt(code, i - 2));
    if (!BUILT_INS.has(textAt(code, i))) continue;
    for (let at = braceBefore(code, i); at < i; at++)
      if (wordAt(code, at) === 'prototype')
        names.add(textAt(code, at + 1) === ':' ? textAt(code, at + 2) : 'prototype');
  }
  named.set(code, names);
  return names;
}

/** `Object.is = f`, `Object.assign(Object, …)`, which a test may do for itself. */
export function overrides(code: Code, i: number): boolean {
  const { name, end } = nameAt(code, i) ?? { name: null, end: i };
  return BUILT_INS.has(name ?? '') && (isSet(code, end) || isDefined(code, i));
}
