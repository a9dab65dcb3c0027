import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { problemOf } from '@millwright/api';
import { openCheckpoint, parseSignatureLines, parseVerifierKey } from '@millwright/audit/proof';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StandInLog } from './testing/log.ts';
import { COMPILE_CACHE } from './up/root.ts';

// The CLI and the witness as processes, against a factory that may lie.

const RUN = 'run_0000000000000001';
let log: StandInLog;
let folder: string;
let server: Server;
let url: string;
let posted: { size: number; signatures: string }[];
/** Set by a test: answers in place of the log. */
let lie: ((url: URL, response: ServerResponse) => boolean) | null;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millwright-proof-'));
  log = new StandInLog();
  log.append(`run/${RUN}`, 'run.opened', {});
  for (let i = 0; i < 22; i++) log.append('factory', 'factory.halted', { reason: `reason ${i}` });
  log.append(`run/${RUN}`, 'run.closed', { streams: { [`run/${RUN}`]: 2 } });
  posted = [];
  lie = null;
  server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const asked = new URL(request.url ?? '/', 'http://localhost');
    if (lie?.(asked, response)) return;
    if (request.method === 'POST') posted.push(JSON.parse(body));
    const found = request.method === 'POST' ? { size: 1, signatures: ['added'] } : log.answer(asked);
    const problem = problemOf('not-found', 'there is none');
    response.writeHead(found === null ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(found ?? problem));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const environment = () => ({
  PATH: process.env.PATH,
  NODE_COMPILE_CACHE: COMPILE_CACHE,
  MILLWRIGHT_URL: url,
  MILLWRIGHT_TOKEN: 'mwt_test',
});
const program = join(import.meta.dirname, 'main.ts');

function cli(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const options = { cwd: folder, timeout: 120_000, env: environment() };
    const child = execFile(process.execPath, [program, ...args], options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return name;
};

describe('trail verify --bundle', () => {
  const verify = (name: string, ...more: string[]) => cli('trail', 'verify', '--bundle', name, ...more);

  it('checks the attestations beside it, and ends with 7 when one that its entries name is not there', async () => {
    const line = log.attest(`run/${RUN}`, 'c'.repeat(40));
    write('b.json', JSON.stringify(log.bundle(RUN)));
    const key = ['--key', log.signer.vkey];
    const without = await verify('b.json', ...key);
    expect(without.code).toBe(0);
    expect(without.stderr).toContain('b.json.intoto.jsonl is not there: they were not checked');
    write('b.json.intoto.jsonl', `${line}\n`);
    const held = await verify('b.json', ...key);
    expect(held).toMatchObject({ code: 0, stderr: '' });
    expect(held.stdout).toContain('✔ attestations: 1 signed statement, each as its entry names it');
    write('other.jsonl', line.replace('"payload":"e', '"payload":"f'));
    const changed = await verify('b.json', ...key, '--attestations', 'other.jsonl');
    expect(changed.code).toBe(7);
    expect(changed.stdout).toContain('✖ attestations: missing at position 25');
  });

  it('gives both verdicts, with no factory', async () => {
    server.closeAllConnections();
    server.close();
    const ran = await verify(write('b.json', JSON.stringify(log.bundle(RUN))), '--key', log.signer.vkey);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain('integrity: nothing was changed');
    expect(ran.stdout).toContain('completeness: every stream reaches');
    expect(ran.stdout).toContain('24 entries under the checkpoint of factory.test/trail at 24');
  });

  it('names the first bad position, and exits 7', async () => {
    const text = JSON.stringify(log.bundle(RUN)).replace('reason 9', 'reason 8');
    const ran = await verify(write('b.json', text), '--key', log.signer.vkey);
    expect(ran.code).toBe(7);
    expect(ran.stdout).toContain('tampered at position 11');
    const json = await verify('b.json', '--key', log.signer.vkey, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      integrity: { kind: 'tampered', position: 11 },
      keyGiven: true,
    });
  });

  it('exits 7 for what is incomplete, cut, of nobody known; and says what checking without a key is worth', async () => {
    const bundle = log.bundle(RUN);
    const without = { ...bundle, entries: bundle.entries.slice(1) };
    expect(await verify(write('a', JSON.stringify(without)), '--key', log.signer.vkey)).toMatchObject({
      code: 7,
      stdout: expect.stringContaining('incomplete'),
    });
    expect(
      await verify(write('b', JSON.stringify(bundle).slice(0, 999)), '--key', log.signer.vkey),
    ).toMatchObject({ code: 7, stdout: expect.stringContaining('not JSON') });
    const stranger = new StandInLog();
    expect(await verify(write('c', JSON.stringify(bundle)), '--key', stranger.signer.vkey)).toMatchObject({
      code: 7,
      stdout: expect.stringContaining('untrusted'),
    });
    expect(await verify('c')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('do not show who made it'),
    });
  });
});

describe('a range', () => {
  const key = () => ['--key', log.signer.vkey];
  const answer = (text: string, whole = true) => {
    lie = (asked, response) => {
      if (asked.pathname !== '/v1/trail/range') return false;
      response.writeHead(200, { 'content-type': 'application/x-ndjson' }).write(text);
      if (whole) response.end();
      else setTimeout(() => response.destroy(), 100);
      return true;
    };
  };

  it('is exported to a file or to stdout, and verified with no factory', async () => {
    answer(log.range(3, 24));
    const ran = await cli('trail', 'export', '--since', '3', '-o', 'r.jsonl');
    expect(ran).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'Wrote 21 entries with what proves them to r.jsonl.\n',
    });
    expect(readFileSync(join(folder, 'r.jsonl'), 'utf8')).toBe(log.range(3, 24));
    expect((await cli('trail', 'export', '--since', '3')).stdout).toBe(log.range(3, 24));
    server.closeAllConnections();
    server.close();
    const verified = await cli('trail', 'verify', '--bundle', 'r.jsonl', ...key());
    expect(verified).toMatchObject({ code: 0, stderr: '' });
    expect(verified.stdout).toContain('integrity: nothing was changed');
    expect(verified.stdout).toContain(
      '21 entries, of 4 to 24, under the checkpoint of factory.test/trail at 24',
    );
    expect(verified.stdout).toContain('completeness: 0 closed runs in the range');
    expect(verified.stdout).toContain('1 began before it');
  });

  it('that was changed ends with 7 and names where; without a key it says what that is worth', async () => {
    write('r', log.range(0, 24).replace('reason 9', 'reason 8'));
    const ran = await cli('trail', 'verify', '--bundle', 'r', ...key());
    expect(ran).toMatchObject({ code: 7, stdout: expect.stringContaining('tampered at position 11') });
    const json = await cli('trail', 'verify', '--bundle', 'r', '--json', ...key());
    expect(JSON.parse(json.stdout)).toMatchObject({ integrity: { position: 11 }, since: 0, keyGiven: true });
    write('cut', log.range(0, 24).slice(0, -9));
    expect(await cli('trail', 'verify', '--bundle', 'cut', ...key())).toMatchObject({
      ...{ code: 7, stdout: expect.stringContaining('ends before entry 24') },
    });
    const stranger = ['--key', new StandInLog().signer.vkey];
    expect((await cli('trail', 'verify', '--bundle', 'r', ...stranger)).stdout).toContain('untrusted');
    write('ok', log.range(0, 24));
    expect(await cli('trail', 'verify', '--bundle', 'ok')).toMatchObject({
      ...{ code: 0, stderr: expect.stringContaining('do not show who made it') },
    });
  });

  it('that breaks off leaves the file as it was', async () => {
    write('r.jsonl', 'what was there');
    answer(log.range(0, 24).slice(0, 3_000), false);
    const ran = await cli('trail', 'export', '--since', '0', '-o', 'r.jsonl');
    expect(ran).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/broke off after \d+ lines.*\n.*r\.jsonl was not touched/),
    });
    expect(readdirSync(folder)).toEqual(['r.jsonl']);
    expect(readFileSync(join(folder, 'r.jsonl'), 'utf8')).toBe('what was there');
  });
});

describe('a wrong command line', () => {
  it.each<[string[], number, string]>([
    [['export'], 2, 'export takes --run RUN'],
    [['export', '--run', 'run_1', '--since', '3'], 2, 'export takes --run RUN'],
    [['export', '--until', '3'], 2, 'export takes --run RUN'],
    [['export', '--since', 'yesterday'], 2, '--since'],
    [['export', '--since', '0', '--until', '0'], 2, '--until'],
    [['prove', 'first'], 2, 'POSITION'],
    [['prove', '99999'], 1, 'there is none'],
    [['verify', '--bundle', '/nonexistent'], 2, 'there is no file /nonexistent'],
    [['verify', '--bundle', '/'], 1, '/ cannot be read: EISDIR'],
    [['verify', '--key', 'nonsense'], 2, 'this is not a verifier key: nonsense'],
  ])('trail %s: %i', async (args, code, said) => {
    const ran = await cli('trail', ...args);
    expect(ran).toMatchObject({ code, stdout: '' });
    expect(ran.stderr).toContain(said);
  });
});

describe('trail verify, of a running factory', () => {
  it('reads all of it, page by page', async () => {
    const ran = await cli('trail', 'verify', '--key', log.signer.vkey, '--json');
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      integrity: { kind: 'ok' },
      entries: 24,
      sealed: 24,
      anchored: 0,
    });
  });

  it('finds a changed entry and a cut tail, and a rewritten trail by a checkpoint kept from before', async () => {
    write('kept', `${log.checkpoint(10).note}${log.checkpoint(20).note}`);
    expect(await cli('trail', 'verify', '--key', log.signer.vkey, '--earlier', 'kept')).toMatchObject({
      code: 0,
    });
    const whole = log.entries;
    log.entries = whole.with(4, {
      ...whole[4],
      payload: { salt: 'AAAAAAAAAAAAAAAAAAAAAA==', text: '{}' },
    } as (typeof whole)[0]);
    expect(await cli('trail', 'verify', '--key', log.signer.vkey)).toMatchObject({
      code: 7,
      stdout: expect.stringContaining('at position 5'),
    });
    const other = new StandInLog(log.signer);
    for (let i = 0; i < 30; i++) other.append('factory', 'factory.halted', { reason: `other ${i}` });
    log = other;
    expect(await cli('trail', 'verify', '--key', log.signer.vkey)).toMatchObject({ code: 0 });
    const found = await cli('trail', 'verify', '--key', log.signer.vkey, '--earlier', 'kept');
    expect(found).toMatchObject({
      code: 7,
      stdout: expect.stringContaining('from position 1 on, 10 at the latest'),
    });
  });
});

describe('the witness', () => {
  let child: ChildProcess;
  let said: string;
  const start = async (...more: string[]): Promise<string> => {
    said = '';
    child = spawn(
      process.execPath,
      [program, 'witness', '--factory', url, '--data', 'w', '--name', 'witness.test/w', ...more],
      { cwd: folder, env: environment() },
    );
    child.stderr?.on('data', (text) => {
      said += text;
    });
    const [line] = await once(child.stdout ?? child, 'data');
    return String(line).trim();
  };
  const until = async (what: string, look: () => unknown) => {
    for (let left = 400; !look(); left--) {
      if (left === 0) throw new Error(`waited for ${what}:\n${said}`);
      await sleep(25);
    }
  };
  const end = async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  const state = () =>
    JSON.parse(readFileSync(join(folder, 'w/last.json'), 'utf8')) as { size: number; note: string };
  afterEach(end);

  it('cosigns what goes on from the last, serves it, and remembers over a restart', async () => {
    const vkey = await start('--key', log.signer.vkey);
    await until('a cosignature', () => posted.length > 0);
    expect(posted[0]?.size).toBe(24);
    const signatures = parseSignatureLines(posted[0]?.signatures ?? '');
    expect(signatures?.[0]?.name).toBe('witness.test/w');
    const keys = [log.signer.vkey, vkey].flatMap((one) => parseVerifierKey(one) ?? []);
    expect(openCheckpoint(state().note, keys)).toMatchObject({
      kind: 'opened',
      checkpoint: { size: 24 },
      cosignedBy: [{}],
    });
    const served = /http:\/\/127\.0\.0\.1:\d+\/checkpoint/.exec(said)?.[0] ?? '';
    // It may cosign the same once more between two looks.
    await expect.poll(async () => (await (await fetch(served)).text()) === state().note).toBe(true);
    expect(statSync(join(folder, 'w/witness.key')).mode & 0o777).toBe(0o600);
    await end();
    expect(child.exitCode).toBe(0);
    log.append('factory', 'factory.resumed', {});
    expect(await start()).toBe(vkey);
    await until('the next', () => posted.some((one) => one.size === 25));
  });

  it('cosigns nothing on a full disk, says so, and goes on when there is room', async () => {
    mkdirSync(join(folder, 'w'), { recursive: true });
    symlinkSync('/dev/full', join(folder, 'w/last.json.new'));
    await start('--key', log.signer.vkey);
    await until('its saying so', () => said.includes('ENOSPC'));
    expect(posted).toEqual([]);
    rmSync(join(folder, 'w/last.json.new'));
    await until('a cosignature', () => posted.length > 0);
    expect(state().size).toBe(24);
  });

  it('refuses a fork and a step back, keeps the evidence, and goes on with the honest log', async () => {
    await start();
    await until('a cosignature', () => posted.length > 0);
    const honest = log;
    log = new StandInLog(honest.signer);
    for (let i = 0; i < 40; i++) log.append('factory', 'factory.halted', { reason: `fork ${i}` });
    await until('an alarm', () => said.includes('ALARM (bad-proof)'));
    log = new StandInLog(honest.signer);
    log.append('factory', 'factory.halted', {});
    await until('another', () => said.includes('ALARM (step-back)'));
    expect(state().size).toBe(24);
    expect(posted.every((one) => one.size === 24)).toBe(true);
    const evidence = readdirSync(join(folder, 'w/evidence'));
    expect(evidence.length).toBeGreaterThanOrEqual(2);
    expect(readFileSync(join(folder, 'w/evidence', evidence[0] ?? ''), 'utf8')).toContain(
      'factory.test/trail',
    );
    log = honest;
    log.append('factory', 'factory.resumed', {});
    await until('the honest log', () => posted.some((one) => one.size === 25));
  });

  it('reads an answer without end no further than a few megabytes, and hangs on no factory that stalls', async () => {
    await start();
    await until('a cosignature', () => posted.length > 0);
    log.append('factory', 'factory.resumed', {});
    let sent = 0;
    lie = (asked, response) => {
      if (asked.pathname !== '/v1/trail/checkpoint') return false;
      const more = () => {
        do sent += 1;
        while (!response.destroyed && response.write(' '.repeat(1_048_576)));
      };
      response.writeHead(200, { 'content-type': 'application/json' }).on('drain', more);
      more();
      return true;
    };
    await until('a complaint', () => said.includes('longer than 8388608 bytes'));
    expect(sent).toBeLessThan(64);
    // Accepted and never answered: the witness waits, bounded, and takes the next checkpoint from whoever posts it meanwhile.
    lie = () => true;
    const served = /(http:\/\/127\.0\.0\.1:\d+)\/checkpoint/.exec(said)?.[1] ?? '';
    expect(
      (await fetch(`${served}/add-checkpoint`, { method: 'POST', body: 'x'.repeat(300_000) })).status,
    ).toBe(413);
    expect((await fetch(`${served}/add-checkpoint`, { method: 'POST', body: 'hello' })).status).toBe(400);
    expect(await (await fetch(`${served}/checkpoint`)).text()).toBe(state().note);
    expect(child.exitCode).toBeNull();
  });

  it('takes garbage, silence and another key for what they are, and is still there after', async () => {
    await start();
    await until('a cosignature', () => posted.length > 0);
    log.append('factory', 'factory.resumed', {});
    lie = (_, response) => Boolean(response.end('<html>'));
    await until('a complaint', () => said.includes('not cosigned'));
    const honest = log;
    log = new StandInLog();
    log.append('factory', 'factory.resumed', {});
    lie = null;
    await until('the other key', () => said.includes('no key that you gave has signed'));
    expect(state().size).toBe(24);
    log = honest;
    await until('the honest log', () => posted.some((one) => one.size === 25));
    expect(existsSync(join(folder, 'w/log.vkey'))).toBe(true);
  });
});
