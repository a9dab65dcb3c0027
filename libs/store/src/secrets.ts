import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { and, asc, eq } from '@millwright/database/drizzle';
import { type RepoName, terminal } from '@millwright/domain';
import { printed } from './secret-prints.ts';
import { poolOf, type Store } from './store.ts';
import { queries, secrets } from './tables.ts';

export type Secrets = {
  set(repo: RepoName, name: string, value: string): Promise<void>;
  /** Null: never set. Throws a terminal 'secret-unreadable' when the key is another or the row was changed or moved. */
  get(repo: RepoName, name: string): Promise<string | null>;
  /** Every secret of every repository. Throws like `get`. */
  all(): Promise<{ repo: RepoName; name: string; value: string }[]>;
  names(repo: RepoName): Promise<string[]>;
  remove(repo: RepoName, name: string): Promise<boolean>;
};

const NONCE = 12;
const TAG = 16;

/**
 * Secrets of repositories, sealed with AES-256-GCM under a key of 32 bytes that lies outside the database, so that the database
 * alone, or a backup of it, tells nothing. Repository and name are authenticated: a sealed value moved to another row does not open.
 */
export function openSecrets({ store, key }: { store: Store; key: Uint8Array }): Secrets {
  if (key.length !== 32)
    throw terminal('secret-key-bad', `the key of secrets has ${key.length} bytes, not 32`);
  const pool = poolOf(store);
  const at = (repo: RepoName, name: string) => and(eq(secrets.repo, repo), eq(secrets.name, name));
  const place = (repo: string, name: string) => Buffer.from(JSON.stringify([repo, name]), 'utf8');
  const opened = (repo: RepoName, name: string, sealed: Uint8Array): string => {
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE))
        .setAAD(place(repo, name))
        .setAuthTag(sealed.subarray(sealed.length - TAG));
      const text = decipher.update(sealed.subarray(NONCE, sealed.length - TAG));
      return Buffer.concat([text, decipher.final()]).toString('utf8');
    } catch (error) {
      throw terminal(
        'secret-unreadable',
        `secret ${name} of ${repo} does not open with this factory's key; set it again`,
        error,
      );
    }
  };
  return {
    set: async (repo, name, value) => {
      const nonce = randomBytes(NONCE);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(place(repo, name));
      const sealed = Buffer.concat([
        nonce,
        cipher.update(value, 'utf8'),
        cipher.final(),
        cipher.getAuthTag(),
      ]);
      const prints = printed(value);
      await pool.use((client) =>
        queries(client)
          .insert(secrets)
          .values({ repo, name, sealed, prints })
          .onConflictDoUpdate({ target: [secrets.repo, secrets.name], set: { sealed, prints } }),
      );
    },
    get: async (repo, name) => {
      const [row] = await pool.use((client) => queries(client).select().from(secrets).where(at(repo, name)));
      return row === undefined ? null : opened(repo, name, row.sealed);
    },
    all: async () =>
      (await pool.use((client) => queries(client).select().from(secrets))).map((row) => {
        const repo = row.repo as RepoName;
        return { repo, name: row.name, value: opened(repo, row.name, row.sealed) };
      }),
    names: async (repo) =>
      (
        await pool.use((client) =>
          queries(client)
            .select({ name: secrets.name })
            .from(secrets)
            .where(eq(secrets.repo, repo))
            .orderBy(asc(secrets.name)),
        )
      ).map((row) => row.name),
    remove: async (repo, name) =>
      (
        await pool.use((client) =>
          queries(client).delete(secrets).where(at(repo, name)).returning({ name: secrets.name }),
        )
      ).length > 0,
  };
}
