// Opens the report of a test runner's own process. It is loaded by that runner, before its configuration and before any line of the tree
// under test, and takes now what it needs later: code of the tree that runs in the same process can replace what it likes afterwards.
//
// The key lies in a file beside this one, is read and removed here, and stays in this closure. Every line of the report is
// `hmac json`, numbered, so that nothing can be added or left out.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const crypto = require('node:crypto');

const { readFileSync, unlinkSync, openSync, closeSync, writeSync, existsSync } = fs;
const { join, relative, resolve } = path;
const uncurry = Function.prototype.bind.bind(Function.prototype.call);
const slice = uncurry(String.prototype.slice);
const encoder = new TextEncoder();
const encodeWith = uncurry(TextEncoder.prototype.encode);
const Bytes = Uint8Array;
// Of strings only: a string has no toJSON that could be put over it.
const quoted = JSON.stringify;
const { hash, createHash } = crypto;
const sha256 = hash
  ? (bytes) => hash('sha256', bytes, 'hex')
  : (bytes) => createHash('sha256').update(bytes).digest('hex');
const HEX = Object.assign(
  Object.create(null),
  Object.fromEntries([...'0123456789abcdef'].map((c, i) => [c, i])),
);
const exit = process.reallyExit.bind(process);
const folder = __dirname;
const ROOT = '@ROOT@';
const MODE = '@MODE@';

/** RFC 2104 over SHA-256, written with what cannot be replaced: indexed bytes, and functions taken above. */
function macWith(key) {
  const padded = (pad) => {
    const block = new Bytes(64);
    for (let i = 0; i < 64; i++) block[i] = (i < key.length ? key[i] : 0) ^ pad;
    return block;
  };
  const [inner, outer] = [padded(0x36), padded(0x5c)];
  return (text) => {
    const bytes = encodeWith(encoder, text);
    const first = new Bytes(64 + bytes.length);
    for (let i = 0; i < 64; i++) first[i] = inner[i];
    for (let i = 0; i < bytes.length; i++) first[64 + i] = bytes[i];
    const digest = sha256(first);
    const second = new Bytes(96);
    for (let i = 0; i < 64; i++) second[i] = outer[i];
    for (let i = 0; i < 32; i++) second[64 + i] = HEX[digest[2 * i]] * 16 + HEX[digest[2 * i + 1]];
    return sha256(second);
  };
}

/** A runner that a test of another runner starts is the test's own business: it takes no key. */
function underSession() {
  let pid = process.pid;
  for (let depth = 0; depth < 64 && pid > 1; depth++) {
    if (existsSync(join(folder, `pid-${pid}`))) return true;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      pid = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    } catch {
      return false; // Its parent has ended: nobody's session is above it.
    }
  }
  return false;
}

function takeKey() {
  for (let index = 0; index < 256; index++) {
    const file = join(folder, `key-${index}`);
    try {
      const key = readFileSync(file);
      unlinkSync(file);
      return { key, index };
    } catch {
      // Taken by an earlier session, or never laid.
    }
  }
  return null;
}

let current = null;

/** Opens this process's report, once. Null where it has none to make. `inside`: also where a runner above has one. */
function open(runner, inside = false) {
  if (!inside && underSession()) return null;
  const taken = takeKey();
  if (taken === null) {
    // More runners than the base had. Nothing is believed of it; it only says that this run cannot teach what a later base has.
    closeSync(openSync(join(folder, 'more'), 'a'));
    return null;
  }
  const fd = openSync(join(folder, `report-${taken.index}`), 'ax', 0o600);
  closeSync(openSync(join(folder, `pid-${process.pid}`), 'a'));
  const mac = macWith(taken.key);
  let seq = 0;
  const write = (body) => {
    const line = `[${seq++},${body}]`;
    writeSync(fd, `${mac(line)} ${line}\n`);
  };
  current = {
    /** One test, or one file that failed as a whole. */
    emit(kind, name, file, state, message) {
      const said = state === 'fail' ? slice(`${message}`, 0, 1000) : '';
      write(
        `{"t":${quoted(kind)},"name":${quoted(slice(name, 0, 1000))},"file":${quoted(file)},"state":${quoted(state)},"message":${quoted(said)}}`,
      );
    },
    end: () => write('{"t":"end"}'),
    /** A path as the factory knows it: relative to the workspace. */
    file: (name) => (typeof name === 'string' && name !== '' ? relative(ROOT, resolve(ROOT, name)) : ''),
    canaries: MODE === 'canary',
    /** Nothing more is to be learned behind the first test that fails. */
    bails: MODE === 'mutant',
  };
  write(`{"t":"start","runner":${quoted(runner)}}`);
  // A must-fail test must not end a command of several steps before its last.
  if (MODE === 'canary') process.on('exit', () => exit(0));
  return current;
}

/** The session that was opened here, to the first who asks: our reporter, which runners want as a file. */
function take() {
  const session = current;
  current = null;
  return session;
}

module.exports = { open, take };
