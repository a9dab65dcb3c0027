import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

// The embedded database as its superuser sees it: for what an operator may do to a factory, and no client of its API can. Runs in a
// process of its own, with the store's client by its path, since this room owns none.

const PROGRAM = `
const { default: postgres } = await import(process.env.CLIENT);
const sql = postgres(process.env.TARGET, { max: 1, onnotice: () => undefined });
try { console.log(JSON.stringify(await sql.unsafe(process.env.STATEMENT))); } finally { await sql.end(); }
`;

/** The embedded database's address for a role, as `up` hands it out. */
export function addressOf(data: string, role: 'postgres' | 'runner'): string {
  const { folder } = JSON.parse(readFileSync(join(data, 'database.json'), 'utf8')) as { folder: string };
  const { passwords } = JSON.parse(readFileSync(join(data, 'identity.json'), 'utf8')) as {
    passwords: Record<typeof role, string>;
  };
  const port = readFileSync(join(folder, 'data/postmaster.pid'), 'utf8').split('\n')[3];
  return `postgres://${role}:${passwords[role]}@127.0.0.1:${port}/millwright`;
}

/** Runs one statement as superuser and gives back its rows. 30 s at most. */
export function asSuperuser(
  root: string,
  data: string,
  statement: string,
): Promise<Record<string, unknown>[]> {
  const env = {
    PATH: process.env.PATH,
    CLIENT: join(root, 'node_modules/postgres/src/index.js'),
    TARGET: addressOf(data, 'postgres'),
    STATEMENT: statement,
  };
  return new Promise((resolve, reject) => {
    const args = ['--input-type=module', '-e', PROGRAM];
    execFile(process.execPath, args, { env, timeout: 120_000 }, (error, stdout, stderr) =>
      error ? reject(new Error(`${statement}: ${stderr}`)) : resolve(JSON.parse(stdout)),
    );
  });
}
