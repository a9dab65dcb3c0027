import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from '../factory.ts';

// A session of the embedded database's superuser, kept open: what is asked of it takes about a millisecond. In a process of its own, with
// the store's client by its path, since this room owns none.

const PROGRAM = `
const { default: postgres } = await import(process.env.CLIENT);
const sql = postgres(process.env.TARGET, { max: 1, max_lifetime: null, onnotice: () => undefined, onclose: () => process.exit(1) });
process.on('message', async ({ id, statement }) => {
  try { process.send({ id, rows: [...await sql.unsafe(statement)] }); }
  catch (error) { process.send({ id, error: String(error) }); }
});
process.on('disconnect', () => process.exit(0));
sql.listen('trap', () => process.send({ rung: true })).catch(() => process.exit(1));
`;

type Row = Record<string, unknown>;
export type Superuser = {
  /** Runs one statement, or several without parameters. 30 s at most. */
  ask(statement: string): Promise<Row[]>;
  /** Resolves once there was a notification `trap` since this was last called, or after `ms`. */
  rung(ms: number): Promise<void>;
  close(): Promise<void>;
};

const ASK_MS = 30_000;

/** Where the factory's own Postgres answers its superuser. */
function address(data: string): string {
  const { folder } = JSON.parse(readFileSync(join(data, 'database.json'), 'utf8')) as { folder: string };
  const { passwords } = JSON.parse(readFileSync(join(data, 'identity.json'), 'utf8')) as {
    passwords: { postgres: string };
  };
  const port = readFileSync(join(folder, 'data/postmaster.pid'), 'utf8').split('\n')[3];
  return `postgres://postgres:${passwords.postgres}@127.0.0.1:${port}/millwright`;
}

type Answer = { id: number; rows?: Row[]; error?: string };

/** One session in its process; it ends with the server's connection. */
function start(data: string, onRing: () => void) {
  const env = {
    PATH: process.env.PATH,
    CLIENT: join(ROOT, 'node_modules/postgres/src/index.js'),
    TARGET: address(data),
  };
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    env,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, (answer: Omit<Answer, 'id'>) => void>();
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.on('message', (said: Answer | { rung: true }) => {
    if ('rung' in said) onRing();
    else waiting.get(said.id)?.(said);
  });
  void ended.then(() => {
    for (const tell of waiting.values()) tell({ error: 'the session ended' });
  });
  return { child, waiting, ended };
}

/** A session is opened with the first question, and anew after one that was lost: the question that lost it is refused. */
export function openSuperuser(data: string): Superuser {
  let session: ReturnType<typeof start> | null = null;
  let last = 0;
  let ring = Promise.withResolvers<void>();
  return {
    rung: async (ms) => {
      await Promise.race([ring.promise, sleep(ms)]);
      ring = Promise.withResolvers();
    },
    ask: (statement) =>
      new Promise((resolve, reject) => {
        if (session === null || !session.child.connected) session = start(data, () => ring.resolve());
        const { child, waiting } = session;
        const id = ++last;
        const late = setTimeout(() => waiting.get(id)?.({ error: `no answer in ${ASK_MS} ms` }), ASK_MS);
        waiting.set(id, ({ rows, error }) => {
          clearTimeout(late);
          waiting.delete(id);
          if (rows) resolve(rows);
          else reject(new Error(`${error} (${statement})`));
        });
        // What cannot be sent is told by the session's end.
        child.send({ id, statement }, () => undefined);
      }),
    close: async () => {
      if (session?.child.connected) session.child.disconnect();
      await session?.ended;
    },
  };
}
