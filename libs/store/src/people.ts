import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Pool } from '@millwright/database';
import { PersonId, PersonRole } from '@millwright/domain';
import { asc, eq, sql } from './drizzle.ts';
import { people, queries } from './tables.ts';

export type Person = { id: PersonId; name: string; roles: PersonRole[] };

const personOf = (row: Pick<typeof people.$inferSelect, 'id' | 'name' | 'roles'>): Person => ({
  id: PersonId.parse(row.id),
  name: row.name,
  roles: PersonRole.array().parse(row.roles),
});

/** Names and tokens of people: the trail holds only their ids, so that a name can be forgotten. Orchestrator only. */
export type People = {
  /** `exists`: the id or the token is taken; nothing was changed. */
  enrol(person: Person & { tokenHash: Uint8Array }): Promise<{ kind: 'enrolled' } | { kind: 'exists' }>;
  /** Forgets the name, and lets nobody in with the token any more. False: nobody has this id. */
  erase(id: PersonId): Promise<boolean>;
  byToken(token: string): Promise<Person | null>;
  list(): Promise<Person[]>;
};

/** SHA-256. Tokens are random and long, so that nothing slower is needed. */
export const hashToken = (token: string): Uint8Array => createHash('sha256').update(token, 'utf8').digest();

export function peopleOn(pool: Pool): People {
  return {
    enrol: ({ id, name, roles, tokenHash }) =>
      pool.use(async (client) => {
        const rows = await queries(client)
          .insert(people)
          .values({ id, name, roles, tokenHash: Buffer.from(tokenHash) })
          .onConflictDoNothing()
          .returning({ id: people.id });
        return rows.length > 0 ? { kind: 'enrolled' } : { kind: 'exists' };
      }),
    erase: (id) =>
      pool.use(async (client) => {
        const rows = await queries(client)
          .update(people)
          .set({ name: id, roles: [], tokenHash: randomBytes(32) })
          .where(eq(people.id, id))
          .returning({ id: people.id });
        return rows.length > 0;
      }),
    byToken: (token) =>
      pool.use(async (client) => {
        // The index sees eight bytes of the hash; the rest is compared in constant time here.
        const hash = hashToken(token);
        const rows = await queries(client)
          .select()
          .from(people)
          .where(sql`substring(${people.tokenHash} for 8) = ${hash.subarray(0, 8)}`);
        const row = rows.find((candidate) => timingSafeEqual(candidate.tokenHash, hash));
        return row === undefined ? null : personOf(row);
      }),
    list: () =>
      pool.use(async (client) =>
        (await queries(client).select().from(people).orderBy(asc(people.name), asc(people.id))).map(personOf),
      ),
  };
}
