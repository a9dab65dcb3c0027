import { execFile } from 'node:child_process';
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../fail.ts';
import { hasModelKey } from '../up/environment.ts';
import { ROOT } from '../up/root.ts';
import { setUp } from '../up/set-up.ts';
import type { Check } from '../views/setup.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 10_000;
const WANTED_BYTES = 2 * 1024 ** 3;

async function said(command: string, args: string[]): Promise<{ ok: boolean; text: string }> {
  try {
    const { stdout } = await run(command, args, { timeout: TIMEOUT_MS });
    return { ok: true, text: stdout.trim() };
  } catch (error) {
    return { ok: false, text: messageOf(error).split('\n')[0] ?? '' };
  }
}

function node(): Check {
  const ok = Number(process.versions.node.split('.')[0]) >= 24;
  return {
    id: 'node',
    ok,
    text: `${process.version} at ${process.execPath}`,
    fix: ok ? null : 'npm run setup',
  };
}

/** Asks the engine itself: not every machine with an engine has its command line. */
function askEngine(dockerHost: string | undefined, path: string): Promise<{ ok: boolean; body: string }> {
  const host = new URL(dockerHost ?? 'unix:///var/run/docker.sock');
  const where =
    host.protocol === 'unix:'
      ? { socketPath: host.pathname }
      : { host: host.hostname, port: host.port || 2375 };
  return new Promise((resolve) => {
    const request = get({ ...where, path, timeout: TIMEOUT_MS }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      response.on('end', () => resolve({ ok: response.statusCode === 200, body }));
    });
    request.once('timeout', () => request.destroy(new Error('no answer')));
    request.once('error', (error) => resolve({ ok: false, body: error.message }));
  });
}

/** Whether the engine has an image of this name. Throws nothing: an engine that is away has none. */
export const hasImage = async (dockerHost: string | undefined, image: string): Promise<boolean> =>
  (await askEngine(dockerHost, `/images/${encodeURIComponent(image)}/json`)).ok;

async function engine(dockerHost: string | undefined, image: string | undefined): Promise<Check[]> {
  const version = await askEngine(dockerHost, '/version');
  const number = /"Version":"([^"]*)"/.exec(version.body)?.[1] ?? '';
  const first = {
    id: 'engine',
    ok: version.ok,
    text: version.ok ? `Docker Engine ${number}` : `no Docker Engine: ${version.body}`,
    fix: version.ok ? null : 'npm run setup',
  };
  if (image === undefined) return [first, noImage];
  if (!version.ok) return [first];
  const ok = await hasImage(dockerHost, image);
  return [
    first,
    { id: 'image', ok, text: ok ? image : `the engine has no ${image}`, fix: ok ? null : 'npm run setup' },
  ];
}
const noImage: Check = {
  id: 'image',
  ok: false,
  text: 'no sandbox image was set up',
  fix: 'npm run setup',
};

function disk(): Check {
  const { bavail, bsize } = statfsSync(ROOT);
  const free = bavail * bsize;
  const ok = free >= WANTED_BYTES;
  return {
    id: 'disk',
    ok,
    text: `${(free / 1024 ** 3).toFixed(1)} GiB free`,
    fix: ok ? null : 'free at least 2 GiB, such as with: docker system prune',
  };
}

/** Whether a factory that is started from this shell could ask a model. Of one that runs, its own shell counts. */
export function modelCheck(): Check {
  const ok = hasModelKey(process.env);
  const provider = process.env.MILLWRIGHT_PROVIDER;
  return {
    id: 'model',
    ok,
    text: ok
      ? provider
        ? `models are asked at ${provider}`
        : 'a key is set in this shell'
      : 'ANTHROPIC_API_KEY is not set in this shell',
    fix: ok ? null : 'export ANTHROPIC_API_KEY=…, before npm start; without one: npm run demo',
  };
}

/** Checks of this machine, as far as they can be done without a factory. */
export async function localChecks(): Promise<Check[]> {
  const git = await said('git', ['--version']);
  const { image, dockerHost } = setUp(process.env);
  const packages =
    existsSync(join(ROOT, 'node_modules', '.package-lock.json')) &&
    readFileSync(join(ROOT, 'package.json'), 'utf8') !== '';
  return [
    node(),
    {
      id: 'packages',
      ok: packages,
      text: packages ? 'installed' : 'not installed',
      fix: packages ? null : 'npm run setup',
    },
    { id: 'git', ok: git.ok, text: git.text, fix: git.ok ? null : 'apt-get install git' },
    ...(await engine(dockerHost, image)),
    disk(),
  ];
}
