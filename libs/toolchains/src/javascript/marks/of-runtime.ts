import { type Code, chainEnd, isSet, memberOf, moduleAt, nameAt, saidAt, textAt, words } from './walk.ts';

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

/** `Array.prototype.x = f`, `Object.defineProperty(Array.prototype, …)`, `Object.assign(globalThis, …)` */
export function overridesForAll(code: Code, i: number): boolean {
  if (/^(globalThis|global|console)$/.test(textAt(code, i))) return isDefined(code, i);
  const { name, end } = nameAt(code, i) ?? { name: null, end: i };
  const prototype = BUILT_INS.has(name ?? '') ? memberOf(code, end) : null;
  return prototype?.name === 'prototype' && (isSet(code, prototype.end) || isDefined(code, i));
}

/** `Object.is = f`, `Object.assign(Object, …)`, which a test may do for itself. */
export function overrides(code: Code, i: number): boolean {
  const { name, end } = nameAt(code, i) ?? { name: null, end: i };
  return BUILT_INS.has(name ?? '') && (isSet(code, end) || isDefined(code, i));
}
