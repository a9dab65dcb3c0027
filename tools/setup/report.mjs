// What set-up says to people: one line a step with the time it took, on stderr, so that stdout stays the command's own.

/**
 * A reason to stop that a person can act on. `next` is the exact next step; `kept` says what is left in place.
 */
export class SetupError extends Error {
  /**
   * @param {string} message what happened
   * @param {string} next the exact next command or step
   * @param {string} [detail] the last lines of what the failing program said
   */
  constructor(message, next, detail = '') {
    super(message);
    this.name = 'SetupError';
    this.next = next;
    this.detail = detail;
  }
}

/** @param {number} ms @returns {string} e.g. `12 ms`, `3.4 s` */
export function duration(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** @param {string} text */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * Runs one step and prints its line: name, outcome, time.
 * @template T
 * @param {string} name at most 9 characters
 * @param {() => Promise<{ value: T, outcome: string }>} run
 * @returns {Promise<T>}
 */
export async function step(name, run) {
  const from = performance.now();
  try {
    const { value, outcome } = await run();
    say(`  ${name.padEnd(9)} ${outcome}  (${duration(performance.now() - from)})`);
    return value;
  } catch (error) {
    say(`  ${name.padEnd(9)} failed  (${duration(performance.now() - from)})`);
    throw error;
  }
}

/** Announces work that takes more than a moment, so that the wait is explained. @param {string} name @param {string} text */
export function announce(name, text) {
  say(`  ${name.padEnd(9)} ${text} …`);
}

/** @param {unknown} error @returns {string} */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/** The last `count` non-empty lines of a program's output. @param {string} text @param {number} [count] */
export function lastLines(text, count = 12) {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-count)
    .join('\n');
}
