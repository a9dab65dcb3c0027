// Assertions are taken away from whoever would replace them, in the first statement of each test file: what is there stays as it is, what is
// added may be. Texts, since they run in the files of tests, and a type checker has nothing to say of them.

const oneLine = (text: string) => text.replaceAll(/\s*\n\s*/g, ' ').trim();

/** node:assert, plain and strict. */
export const HOLD_NODE = oneLine(`
(() => {
  const n = globalThis.process?.getBuiltinModule?.('node:assert');
  if (!n) return;
  for (const a of [n, n.strict]) for (const k of Reflect.ownKeys(a)) {
    const d = Object.getOwnPropertyDescriptor(a, k);
    if (d.configurable && typeof d.value === 'function') Object.defineProperty(a, k, { ...d, writable: false, configurable: false });
  }
})();`);

/** What is expected is held against by these: they may be added to, and not replaced. Both of jest and of vitest, which keeps its own apart. */
export const HOLD_MATCHERS =
  "for(const e of new Set([globalThis.expect,globalThis[Symbol.for('expect-global')]])){if(typeof e!=='function'||typeof e.extend!=='function')continue;const own=e.extend;const held=/^(not|resolves|rejects|to(Be|Equal|StrictEqual|Match|Contain|Have|Throw|Satisfy)\\w*)$/;const known=new Set(Object.keys(e(1)).concat(Object.getOwnPropertyNames(Object.getPrototypeOf(e(1))??{})));Object.defineProperty(e,'extend',{value:(given)=>{const made={...given};for(const name of Object.keys(made))if(held.test(name)&&known.has(name))throw new Error('expect has '+name+' already');return own.call(e,made)},writable:false,configurable:false})}";
export const HOLD_EXPECT =
  "if(typeof globalThis.expect==='function')Object.defineProperty(globalThis,'expect',{value:globalThis.expect,writable:false,configurable:true,enumerable:true});";

/**
 * chai, as the test file `from` finds it: its own functions, getters and chains, and of its settings those that decide. Plugins add what they
 * like; one that replaces what is there finds that it cannot. A module's namespace cannot be changed as it is.
 */
export const holdChai = (from: string): string =>
  oneLine(`
(() => {
  let c;
  try { c = globalThis.process.getBuiltinModule('node:module').createRequire(${JSON.stringify(from)})('chai'); } catch { return; }
  if (typeof c.Assertion !== 'function') return;
  const held = (o, k, d) => Object.defineProperty(o, k, 'value' in d ? { ...d, writable: false, configurable: false } : { ...d, configurable: false });
  const hold = (o, all) => {
    if (o === null || (typeof o !== 'object' && typeof o !== 'function') || o[Symbol.toStringTag] === 'Module') return;
    for (const k of Reflect.ownKeys(o)) {
      const d = Object.getOwnPropertyDescriptor(o, k);
      if ((d.configurable || d.writable) && (all || typeof d.value === 'function' || !('value' in d))) held(o, k, d);
    }
  };
  hold(c, true);
  hold(c.Assertion, true);
  hold(c.Assertion.prototype, true);
  const chains = c.Assertion.prototype.__methods ?? {};
  for (const k of Reflect.ownKeys(chains)) { hold(chains[k], true); held(chains, k, Object.getOwnPropertyDescriptor(chains, k)); }
  hold(c.assert);
  hold(c.expect);
  hold(c.util);
  hold(c.util?.checkError);
  for (const k of ['deepEqual', 'useProxy']) {
    const d = Object.getOwnPropertyDescriptor(c.config ?? {}, k);
    if (d?.configurable) held(c.config, k, d);
  }
  for (const k of ['expect', 'assert']) {
    const d = Object.getOwnPropertyDescriptor(globalThis, k);
    if (d?.configurable && d.value === c[k]) held(globalThis, k, d);
  }
})();`);

/** Whether a text gives chai plugins, or replaces what it has, which its held form may not bear. */
export const hooksAssertions = (text: string): boolean =>
  /\bchai\b/i.test(text) &&
  /\buse\s*\(|\boverwrite(Method|Property|ChainableMethod)\b|\bAssertion\.prototype\b|\bconfig\.(deepEqual|useProxy)\b|\bchai\.\w+(\.\w+)?\s*=[^=]/.test(
    text.replaceAll(/\bconfig\.(includeStack|showDiff|truncateThreshold)\b/g, ''),
  );
