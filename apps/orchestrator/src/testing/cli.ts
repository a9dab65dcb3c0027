import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { ADMIN_TOKEN } from './scripted-factory.ts';

type Ran = { code: number | null; out: string; err: string };
export type Cli = (args: string[], more?: { token?: string; input?: string }) => Promise<Ran>;

const MAIN = join(import.meta.dirname, '../../../cli/src/main.ts');

function ran(
  [command = '', ...args]: string[],
  at: { url: string; token: string; input: string; cwd?: string },
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: { PATH: process.env.PATH, MILLWRIGHT_URL: at.url, MILLWRIGHT_TOKEN: at.token, NO_COLOR: '1' },
      ...(at.cwd === undefined ? {} : { cwd: at.cwd }),
    });
    const text = { out: '', err: '' };
    child.stdout.on('data', (part) => {
      text.out += part;
    });
    child.stderr.on('data', (part) => {
      text.err += part;
    });
    child.once('close', (code) => resolve({ code, ...text }));
    child.stdin.end(at.input);
  });
}

const listening = async (app: FastifyInstance): Promise<string> => {
  const at = app.server.address();
  return typeof at === 'object' && at !== null
    ? `http://127.0.0.1:${at.port}`
    : app.listen({ host: '127.0.0.1', port: 0 });
};

/** The real command line as a process, against a composed orchestrator in this one, which listens on a port of its own. */
export async function cliOn(app: FastifyInstance): Promise<Cli> {
  const url = await listening(app);
  return (args, { token = ADMIN_TOKEN, input = '' } = {}) =>
    ran([process.execPath, MAIN, ...args], { url, token, input });
}

/** Runs blocks of a document in a folder, as a person would who copies them, with the real command line in it. */
export async function shellOn(app: FastifyInstance, cwd: string): Promise<(script: string) => Promise<Ran>> {
  const url = await listening(app);
  const program = `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`;
  writeFileSync(join(cwd, 'millwright'), program, { mode: 0o755 });
  return (script) => ran(['sh', '-e', '-c', script], { url, token: ADMIN_TOKEN, input: '', cwd });
}
