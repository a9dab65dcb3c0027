import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** @typedef {{ code: number | null, output: string, missing: boolean }} Ended */

/** Programs under way; all are ended when set-up is interrupted, so that nothing half-installed keeps running. */
const running = /** @type {Set<import('node:child_process').ChildProcess>} */ (new Set());

/** npm finishes a step of its own before it heeds a signal: minutes, without a network. */
const PATIENCE_MS = 5_000;

/** Ends every program that `run` or `own` started and that is still there, and resolves when none is. */
export async function endPrograms() {
  const ends = [...running].map((child) => new Promise((resolve) => child.once('close', resolve)));
  for (const child of running) child.kill('SIGTERM');
  const late = setTimeout(() => {
    for (const child of running) child.kill('SIGKILL');
  }, PATIENCE_MS);
  await Promise.all(ends);
  clearTimeout(late);
}

/** Has `child` ended with the set-up. @param {import('node:child_process').ChildProcess} child */
export function own(child) {
  running.add(child);
  child.once('close', () => running.delete(child));
  child.once('error', () => running.delete(child));
}

/**
 * Runs a program to its end and keeps its output (stdout and stderr together, the last 256 KiB).
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs: number }} options bounded in time, always
 * @returns {Promise<Ended>}
 */
export function run(program, args, options) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    own(child);
    let output = '';
    /** @param {Buffer} chunk */
    const keep = (chunk) => {
      output = (output + chunk.toString('utf8')).slice(-262_144);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const timer = setTimeout(() => {
      output += `\n(stopped after ${options.timeoutMs / 1000} s)`;
      child.kill('SIGKILL');
    }, options.timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      const missing = 'code' in error && error.code === 'ENOENT';
      resolve({ code: null, output: `${program}: ${error.message}`, missing });
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output, missing: false });
    });
  });
}

/** The absolute path of a program in PATH or the system's own folders, or null. @param {string} name */
export function find(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  for (const folder of folders) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch (error) {
      if (!(error instanceof Error)) throw error; // not there or not executable: look on
    }
  }
  return null;
}
