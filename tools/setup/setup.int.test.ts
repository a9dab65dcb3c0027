import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import Docker from 'dockerode';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const HERE = dirname(fileURLToPath(import.meta.url));
const MAIN = join(HERE, 'main.mjs');
const IMAGE = process.env.MILLWRIGHT_SANDBOX_IMAGE ?? 'millwright/sandbox:latest';

type Ended = { readonly code: number | null; readonly out: string; readonly err: string };
let folder = '';
let children: ChildProcess[] = [];

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const child = spawn(process.execPath, [...args], {
    env: { ...process.env, TMPDIR: folder, REDIS_URL: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  return child;
}

function ended(child: ChildProcess): Promise<Ended> {
  let out = '';
  let err = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    out += String(chunk);
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    err += String(chunk);
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
}

function firstOutput(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => child.stdout?.once('data', (chunk: Buffer) => resolve(String(chunk))));
}

/** A module that runs `body` with the set-up's own parts in scope. */
function script(name: string, body: string): string {
  const path = join(folder, `${name}.mjs`);
  writeFileSync(path, body.replaceAll("from './", `from '${HERE}/`));
  return path;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millwright-setup-test-'));
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  rmSync(folder, { recursive: true });
});

describe('the set-up on a machine that has everything', () => {
  it('prints a line a step and changes nothing', async () => {
    const { code, err, out } = await ended(start([MAIN]));
    expect({ code, out }).toEqual({ code: 0, out: '' });
    for (const line of [
      /packages +up to date/,
      /node +24\./,
      /engine +Docker Engine/,
      /image +millwright\/sandbox:\w+ is there/,
    ]) {
      expect(err).toMatch(line);
    }
  });

  it.each([
    ['an unknown flag', ['--nope'], {}, 2, 'unknown: --nope'],
    ['an unknown command', ['--then', 'nope'], {}, 2, '--then takes one of'],
    ['no engine there', [], { DOCKER_HOST: 'tcp://127.0.0.1:1' }, 1, 'Next: start it, or unset DOCKER_HOST'],
    ['an address of another form', [], { DOCKER_HOST: 'ssh://a' }, 1, 'Next: set DOCKER_HOST to unix://'],
    [
      'no Redis there',
      ['--then', 'test'],
      { REDIS_URL: 'redis://127.0.0.1:1' },
      1,
      'Next: start it, or unset REDIS_URL',
    ],
  ])('%s: one message, the right code', async (_name, args, env, code, message) => {
    const result = await ended(start([MAIN, ...args], env));
    expect(result.err).toContain(message);
    expect(result.code).toBe(code);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('the command after it', () => {
  const command = (main: string): string => {
    mkdirSync(join(folder, 'apps/cli/src'), { recursive: true });
    writeFileSync(join(folder, 'apps/cli/src/main.ts'), main);
    return script(
      'then',
      `import { runCommand } from './then.mjs';
       process.exitCode = await runCommand(${JSON.stringify(folder)},
         { name: 'start', args: ['--x'], node: process.execPath, env: { GIVEN: 'yes' } });`,
    );
  };

  it('gets its words and environment, and its exit code is ours', async () => {
    const path = command('console.log(process.argv.slice(2).join(" "), process.env.GIVEN); process.exit(7);');
    expect(await ended(start([path]))).toMatchObject({ code: 7, out: 'up --x yes\n' });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('gets a %s and may end as it likes', async (signal) => {
    const path = command(
      `process.on('${signal}', () => process.exit(9)); setInterval(() => {}, 1000); console.log('up');`,
    );
    const child = start([path]);
    const end = ended(child);
    await firstOutput(child);
    child.kill(signal);
    expect(await end).toMatchObject({ code: 9 });
  });
});

it('ends the programs it started, also one that does not heed a signal', async () => {
  const ready = join(folder, 'ready');
  const deaf = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.error(String(process.pid));
     require('node:fs').writeFileSync(${JSON.stringify(ready)}, '');`;
  const path = script(
    'deaf',
    `import { existsSync } from 'node:fs';
     import { endPrograms, run } from './program.mjs';
     const ended = run(process.execPath, ['-e', ${JSON.stringify(deaf)}], { timeoutMs: 60_000 });
     while (!existsSync(${JSON.stringify(ready)})) await new Promise((go) => setTimeout(go, 50));
     await endPrograms();
     console.log((await ended).output);`,
  );
  const { code, out } = await ended(start([path]));
  expect(code).toBe(0);
  expect(Number(out)).toBeGreaterThan(0);
  expect(() => process.kill(Number(out), 0)).toThrow('ESRCH');
});

describe('the packages', () => {
  it('are said to need the registry where neither it nor a cache has them', async () => {
    writeFileSync(
      join(folder, 'package.json'),
      '{"name":"x","version":"1.0.0","dependencies":{"zod":"4.0.0"}}',
    );
    writeFileSync(
      join(folder, 'package-lock.json'),
      JSON.stringify({
        ...{ name: 'x', version: '1.0.0', lockfileVersion: 3 },
        packages: {
          '': { name: 'x', version: '1.0.0', dependencies: { zod: '4.0.0' } },
          'node_modules/zod': {
            version: '4.0.0',
            resolved: 'http://127.0.0.1:1/zod-4.0.0.tgz',
            integrity: 'sha512-aaaa',
          },
        },
      }),
    );
    const path = script(
      'offline',
      `import { ensurePackages } from './packages.mjs';
       await ensurePackages(${JSON.stringify(folder)}).catch((error) => console.log(error.message));`,
    );
    const env = { npm_config_registry: 'http://127.0.0.1:1/', npm_config_cache: join(folder, 'cache') };
    expect((await ended(start([path], env))).out).toBe('the package registry cannot be reached\n');
    expect(readdirSync(folder)).not.toContain('node_modules');
  });
});

describe('the lock', () => {
  const held = (name: string): string =>
    script(
      name,
      `import { alone } from './lock.mjs';
       import { appendFileSync } from 'node:fs';
       const log = (text) => appendFileSync(${JSON.stringify(join(folder, 'log'))}, text);
       await alone(async () => { log('('); await new Promise((go) => setTimeout(go, 100)); log(')'); });`,
    );

  it('lets one in at a time, also past a lock whose process is gone', async () => {
    const gone = start(['--version']);
    await ended(gone);
    writeFileSync(join(folder, `millwright-setup-${process.getuid?.() ?? 0}.lock`), String(gone.pid));
    const path = held('held');
    const results = await Promise.all([1, 2, 3, 4].map(() => ended(start([path]))));
    expect(results.map((one) => one.code)).toEqual([0, 0, 0, 0]);
    expect(readFileSync(join(folder, 'log'), 'utf8')).toBe('()()()()');
    expect(readdirSync(folder).filter((name) => name.includes('lock'))).toEqual([]);
  });
});

describe('Redis for the tests', () => {
  it('answers, and is gone with its folder when it is ended', async () => {
    const path = script(
      'redis',
      `import { ensureRedis } from './redis.mjs';
       const { value } = await ensureRedis({ assumeYes: true });
       process.on('SIGTERM', () => value.end());
       console.log(value.url);`,
    );
    const child = start([path]);
    const end = ended(child);
    const port = Number(new URL((await firstOutput(child)).trim()).port);
    expect(await say(port, 'PING')).toBe('+PONG');
    child.kill('SIGTERM');
    expect((await end).code).toBe(0);
    await expect(say(port, 'PING')).rejects.toThrow('ECONNREFUSED');
    expect(readdirSync(folder)).toEqual(['redis.mjs']);
  });
});

function say(port: number, word: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port }, () => socket.write(`${word}\r\n`));
    socket.once('error', reject);
    socket.once('data', (chunk) => {
      resolve(String(chunk).trim());
      socket.destroy();
    });
  });
}

describe('the sandbox image', () => {
  const inside = async (command: string): Promise<string> => {
    const out = new PassThrough();
    let text = '';
    out.on('data', (chunk: Buffer) => {
      text += String(chunk);
    });
    const options = { HostConfig: { NetworkMode: 'none', ReadonlyRootfs: true, AutoRemove: true } };
    const [result] = await new Docker().run(IMAGE, ['sh', '-c', command], out, options);
    expect(result.StatusCode).toBe(0);
    return text.trim();
  };

  it('runs as the user agent, 10001, in its home', async () => {
    expect(await inside('id -u; id -g; id -un; pwd; stat -c %u ~')).toBe(
      '10001\r\n10001\r\nagent\r\n/home/agent\r\n10001',
    );
  });

  it("has the project's Node, npm, and the tools that agents and releases use", async () => {
    const [node, npm, ...rest] = (
      await inside(
        'node --version; npm --version; for t in git rg haproxy make patch python3 ps tar; do command -v $t; done',
      )
    ).split('\r\n');
    expect(node).toBe(process.version);
    expect(npm).toMatch(/^\d+\.\d+\.\d+$/);
    expect(rest).toHaveLength(8);
  });

  it('has no setuid or setgid file', async () => {
    expect(await inside('find / -xdev -type f -perm /6000 2>&1 | grep -v denied; true')).toBe('');
  });
});
