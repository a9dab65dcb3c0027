// The sandbox image on a base from a registry.

import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineGone, imageId } from './engine.mjs';
import { call, streamError } from './engine-api.mjs';
import { ENVIRONMENT, FINISH, PACKAGES } from './image-recipe.mjs';
import { own } from './program.mjs';
import { lastLines, SetupError } from './report.mjs';

/**
 * @typedef {import('./engine.mjs').Engine} Engine
 * @typedef {import('./image-recipe.mjs').Recipe} Recipe
 */

/**
 * Pulls the base where a registry can be reached: gives up when nothing has moved for 8 s.
 * @param {Engine} engine
 * @param {string} base
 * @returns {Promise<'pulled' | { why: string }>}
 */
export async function pullBase(engine, base) {
  if ((await imageId(engine, base)) !== null) return 'pulled';
  const stalled = new AbortController();
  const stop = () => stalled.abort(new Error('nothing came for 8 s'));
  let timer = setTimeout(stop, 8000);
  const [name, version] = base.split(':');
  try {
    const answer = await call(engine.address, 'POST', `/images/create?fromImage=${name}&tag=${version}`, {
      timeoutMs: 300_000,
      signal: stalled.signal,
      onChunk: () => {
        clearTimeout(timer);
        timer = setTimeout(stop, 8000);
      },
    });
    const failed = answer.status === 200 ? streamError(answer.text) : answer.text.trim();
    if (failed !== null) return { why: shortReason(failed) };
    return 'pulled';
  } catch (error) {
    if (stalled.signal.aborted) return { why: 'nothing came for 8 s' };
    throw engineGone(error);
  } finally {
    clearTimeout(timer);
  }
}

/** @param {string} text */
function shortReason(text) {
  const plain = text.replace(/^\{"message":"|"\}$/g, '').replaceAll('\\"', '"');
  const last = plain.split(': ').at(-1) ?? plain;
  return last.slice(0, 80);
}

/**
 * @param {Engine} engine
 * @param {Recipe} made
 * @param {string} tag
 */
export async function buildOnBase(engine, made, tag) {
  const folder = mkdtempSync(join(tmpdir(), 'millwright-image-'));
  try {
    cpSync(FINISH, join(folder, 'finish.sh'));
    if (made.node !== null && made.npm !== null) {
      cpSync(made.node, join(folder, 'node'));
      cpSync(made.npm, join(folder, 'npm'), { recursive: true, dereference: true });
    }
    writeFileSync(join(folder, 'Dockerfile'), dockerfile(made));
    const tar = spawn('tar', ['-cf', '-', '-C', folder, '.'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, COPYFILE_DISABLE: '1' },
    });
    own(tar);
    const proxies = Object.fromEntries(
      ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap((name) => {
        const value = process.env[name] ?? process.env[name.toLowerCase()];
        return value === undefined ? [] : [[name, value]];
      }),
    );
    const query = new URLSearchParams({ t: tag, rm: '1', forcerm: '1', buildargs: JSON.stringify(proxies) });
    const answer = await call(engine.address, 'POST', `/build?${query}`, {
      timeoutMs: 600_000,
      body: tar.stdout,
    });
    const failed = answer.status === 200 ? streamError(answer.text) : answer.text;
    if (failed !== null) {
      const said = answer.text
        .split('\n')
        .flatMap((line) => /"stream":"(.*)"\}/.exec(line)?.[1] ?? [])
        .join('')
        .replaceAll('\\n', '\n');
      throw new SetupError(
        `the sandbox image could not be built on ${made.base}: ${failed.slice(0, 200)}`,
        "check that containers reach Debian's package server (docker run --rm debian:bookworm-slim apt-get update)",
        lastLines(said, 8),
      );
    }
  } catch (error) {
    throw error instanceof SetupError ? error : engineGone(error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {Recipe} made */
function dockerfile(made) {
  const parts = made.node === null ? '' : ' /parts/node /parts/npm';
  return `FROM ${made.base}
USER 0:0
COPY . /parts/
RUN apt-get update && apt-get install -y --no-install-recommends ${PACKAGES.join(' ')} && sh /parts/finish.sh /${parts} && rm -rf /parts
ENV ${ENVIRONMENT.join(' ')}
USER 10001:10001
WORKDIR /home/agent
CMD ["sh"]
`;
}
