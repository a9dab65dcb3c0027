import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { find, run } from './program.mjs';
import { announce, lastLines, SetupError, say } from './report.mjs';

/** @typedef {{ assumeYes: boolean }} Consent set to true once a person said yes: asked at most once a command */

/** Whether system packages can be installed here: Debian or a derivative, as root. */
export function canInstall() {
  return existsSync('/etc/debian_version') && find('apt-get') !== null && process.getuid?.() === 0;
}

/** Why they cannot, in words for a message. */
export function whyNot() {
  if (process.platform !== 'linux') return `this is ${process.platform}, not Debian`;
  if (!existsSync('/etc/debian_version') || find('apt-get') === null) return 'this is not Debian';
  return 'this is Debian but not root';
}

/**
 * Installs Debian packages, asking first on a terminal.
 * @param {string[]} packages
 * @param {string} why what they are for, in a few words
 * @param {Consent} consent
 * @throws {SetupError} refused by the person, no space, offline, apt failed
 */
export async function install(packages, why, consent) {
  const list = packages.join(' ');
  await agree(list, why, consent);
  announce('system', `installing ${list} (${why})`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'l' };
  const options = ['-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120'];
  const attempt = () => run('apt-get', ['install', ...options, ...packages], { env, timeoutMs: 600_000 });
  let ended = await attempt();
  if (ended.code !== 0) {
    // A fresh machine has no package lists, or old ones whose files are gone.
    const updated = await run('apt-get', ['update', '-o', 'Acquire::Retries=1'], { env, timeoutMs: 180_000 });
    ended = await attempt();
    if (ended.code !== 0) ended.output = `${updated.output}\n${ended.output}`;
  }
  if (ended.code === 0) return;
  if (/No space left|not have enough free space/i.test(ended.output)) {
    throw new SetupError(
      `no space to install ${list}`,
      'free some space (apt-get clean; df -h /) and run the command again',
      lastLines(ended.output, 4),
    );
  }
  if (/Could not resolve|Temporary failure|Failed to fetch|Unable to locate package/i.test(ended.output)) {
    throw new SetupError(
      `Debian's package server cannot be reached, so ${list} cannot be installed`,
      `get online (check: apt-get update), or install ${list} yourself, and run the command again`,
      lastLines(ended.output, 4),
    );
  }
  throw new SetupError(
    `apt-get could not install ${list}`,
    `run: apt-get install ${list}   and then the command again`,
    lastLines(ended.output),
  );
}

/** @param {string} list @param {string} why @param {Consent} consent */
async function agree(list, why, consent) {
  if (consent.assumeYes) return;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    say(`  system    no terminal to ask on: going ahead with installing ${list}`);
    consent.assumeYes = true;
    return;
  }
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await ask.question(`  system    install Debian's ${list} (${why})? [Y/n] `);
  ask.close();
  if (!/^(y|yes|)$/i.test(answer.trim())) {
    throw new SetupError(
      `${list} is needed (${why}) and was not installed`,
      `run: apt-get install ${list}   and then the command again`,
    );
  }
  consent.assumeYes = true;
}
