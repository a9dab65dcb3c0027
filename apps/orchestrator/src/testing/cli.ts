import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { ADMIN_TOKEN } from './scripted-factory.ts';

type Ran = { code: number | null; out: string; err: string };
export type Cli = (args: string[], more?: { token?: string; input?: string }) => Promise<Ran>;

/** The real command line as a process, against a composed orchestrator in this one, which listens on a port of its own. */
export async function cliOn(app: FastifyInstance): Promise<Cli> {
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return (args, { token = ADMIN_TOKEN, input = '' } = {}) =>
    new Promise((resolve) => {
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, '../../../cli/src/main.ts'), ...args],
        {
          env: { PATH: process.env.PATH, MILLWRIGHT_URL: url, MILLWRIGHT_TOKEN: token, NO_COLOR: '1' },
        },
      );
      const text = { out: '', err: '' };
      child.stdout.on('data', (part) => {
        text.out += part;
      });
      child.stderr.on('data', (part) => {
        text.err += part;
      });
      child.once('close', (code) => resolve({ code, ...text }));
      child.stdin.end(input);
    });
}
