import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import postgres from 'postgres';
import { openProver, type Prover } from '../seal/prover.ts';
import { openSealer, type Sealer, type SealerOptions } from '../seal/sealer.ts';
import { openTrail, type WritableTrail } from '../trail.ts';
import { clock, halted, orchestrator, ticket } from './trail.ts';

export const ORIGIN = 'factory.test/trail';

/** A trail on a database of its own with its sealer running, and the ways to do to it what nobody should. */
export type SealedTrail = {
  db: TestDatabase;
  trail: WritableTrail;
  sealer: Sealer;
  prover: Prover;
  keyFolder: string;
  /** Appends `n` entries, each to a stream of its own group, and resolves with the head. */
  fill(n: number): Promise<number>;
  /** Seals all there is, and resolves with the note. */
  checkpoint(): Promise<string>;
  vkey(): Promise<string>;
  /** Statements as the superuser, with triggers off. */
  superuser(...statements: string[]): Promise<void>;
  /** A statement as the superuser, outside of a transaction. */
  statement(statement: string): Promise<void>;
  open(options?: Partial<SealerOptions>): Promise<Sealer>;
  close(): Promise<void>;
};

export async function sealedTrail(options: Partial<SealerOptions> = {}): Promise<SealedTrail> {
  const db = await testDatabase();
  const keyFolder = await mkdtemp(join(tmpdir(), 'millwright-keys-'));
  const trail = openTrail({ url: db.url.orchestrator, clock });
  const open = (more: Partial<SealerOptions> = {}) =>
    openSealer({
      url: db.url.orchestrator,
      keyFolder,
      origin: ORIGIN,
      clock,
      debounceMs: 10,
      ...options,
      ...more,
    });
  const sealer = await open();
  await sealer.start();
  const prover = openProver({ url: db.url.orchestrator, vkey: () => sealer.vkey() });
  let streams = 0;
  return {
    db,
    trail,
    sealer,
    prover,
    keyFolder,
    open,
    fill: async (n) => {
      await Promise.all(
        Array.from({ length: n }, (_, i) => {
          streams += 1;
          const entries = [halted(`entry ${i}`)];
          return trail.append({ stream: ticket(streams), expectedVersion: 0, actor: orchestrator, entries });
        }),
      );
      return trail.head();
    },
    checkpoint: async () => {
      const head = await trail.head();
      if ((await sealer.sealed(head, { timeoutMs: 60_000 })) !== 'sealed')
        throw new Error(`not sealed: ${JSON.stringify(sealer.state())}`);
      const latest = await sealer.latest();
      if (latest === null) throw new Error('no checkpoint');
      return latest.note;
    },
    vkey: async () => {
      const vkey = await sealer.vkey();
      if (vkey === null) throw new Error('no key');
      return vkey;
    },
    superuser: async (...statements) => {
      const sql = postgres(db.url.postgres, { max: 1, onnotice: () => undefined });
      try {
        await sql.begin(async (tx) => {
          await tx`set local session_replication_role = replica`;
          for (const statement of statements) await tx.unsafe(statement);
        });
      } finally {
        await sql.end();
      }
    },
    statement: async (statement) => {
      const sql = postgres(db.url.postgres, { max: 1, onnotice: () => undefined });
      try {
        await sql.unsafe(statement);
      } finally {
        await sql.end();
      }
    },
    close: async () => {
      await sealer.stop();
      await prover.close();
      await trail.close();
      await rm(keyFolder, { recursive: true, force: true });
      await db.close();
    },
  };
}
