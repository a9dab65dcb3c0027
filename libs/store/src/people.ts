import { createHash, timingSafeEqual } from 'node:crypto';
import type { Pool } from '@millwright/database';
import { asc, eq, inArray, sql } from '@millwright/database/drizzle';
import { PersonId } from '@millwright/domain';
import { personName } from './person-name.ts';
import { people, personNameKeys, queries } from './tables.ts';

/** What they may do is on the trail. */
export type Person = { id: PersonId; name: string };
/** `expiresAt`: until when the code of an invitation lets them in, in milliseconds since the epoch; null where there is none. */
export type ListedPerson = Person & { token: boolean; expiresAt: number | null; erased: boolean };
type OneTimeCode = { hash: Uint8Array; expiresAt: number };

type Invited =
  | { kind: 'invited'; person: Person }
  | { kind: 'refused'; reason: string }
  /** Somebody has this name, or one that looks like it; nothing was changed. */
  | { kind: 'taken'; by: string };
type Accepted =
  | { kind: 'accepted'; person: Person }
  | { kind: 'expired' }
  /** Used already, replaced, or never given. */
  | { kind: 'unknown' };

/** Names and tokens of people: the trail holds only their ids, so that a name can be forgotten. Orchestrator only. */
export type People = {
  /** The first administrator, whose token lies in the factory's own folder; that token replaces the former. */
  bootstrap(person: Person & { tokenHash: Uint8Array }): Promise<void>;
  /** A person without a token: the code's owner gets one. */
  invite(person: Person & { code: OneTimeCode }): Promise<Invited>;
  /** Uses the code up and lets its owner in with this token, in one step: of two at once, one is accepted. */
  accept(code: string, tokenHash: Uint8Array, now: number): Promise<Accepted>;
  /** Their token opens nothing from now on: another takes its place, or a code for one. False: nobody has this id. */
  rotate(id: PersonId, to: { tokenHash: Uint8Array } | { code: OneTimeCode }): Promise<boolean>;
  /** Forgets the name, and lets nobody in with the token or code any more. False: nobody has this id. */
  erase(id: PersonId): Promise<boolean>;
  byToken(token: string): Promise<Person | null>;
  list(): Promise<ListedPerson[]>;
};

/** SHA-256. Tokens and codes are random and long, so that nothing slower is needed. */
export const hashToken = (token: string): Uint8Array => createHash('sha256').update(token, 'utf8').digest();

const personOf = (row: Pick<typeof people.$inferSelect, 'id' | 'name'>): Person => ({
  id: PersonId.parse(row.id),
  name: row.name,
});
const NO_CODE = { codeHash: null, codeExpiresAt: null };

/** Thrown to undo a transaction whose name is taken. */
class NameTaken extends Error {}

export function peopleOn(pool: Pool): People {
  /** Inserts the person with what their name looks like, or nothing. Null: the name is free and theirs now. */
  const insert = (
    values: typeof people.$inferInsert & { name: string },
    keys: readonly string[],
  ): Promise<{ takenBy: string } | null> =>
    pool.use(async (client) => {
      try {
        await queries(client).transaction(async (tx) => {
          await tx.insert(people).values(values);
          const own = await tx
            .insert(personNameKeys)
            .values(keys.map((key) => ({ key, person: values.id })))
            .onConflictDoNothing()
            .returning();
          if (own.length < keys.length) throw new NameTaken();
        });
        return null;
      } catch (error) {
        if (!(error instanceof NameTaken)) throw error;
        const [other] = await queries(client)
          .select({ name: people.name })
          .from(personNameKeys)
          .innerJoin(people, eq(people.id, personNameKeys.person))
          .where(inArray(personNameKeys.key, [...keys]))
          .limit(1);
        return { takenBy: other?.name ?? values.name };
      }
    });

  return {
    bootstrap: async ({ id, name, tokenHash }) => {
      const set = { tokenHash: Buffer.from(tokenHash) };
      const known = await pool.use((client) =>
        queries(client).update(people).set(set).where(eq(people.id, id)).returning({ id: people.id }),
      );
      const named = personName(name);
      if (known.length > 0 || named.kind === 'refused') return;
      await insert({ id, name: named.name, ...set }, named.keys);
    },
    invite: async ({ id, name, code }) => {
      const named = personName(name);
      if (named.kind === 'refused') return named;
      const person = { id, name: named.name };
      const at = { codeHash: Buffer.from(code.hash), codeExpiresAt: code.expiresAt };
      const taken = await insert({ ...person, ...at }, named.keys);
      return taken === null ? { kind: 'invited', person } : { kind: 'taken', by: taken.takenBy };
    },
    accept: (code, tokenHash, now) =>
      pool.use(async (client) => {
        const hash = Buffer.from(hashToken(code));
        const [row] = await queries(client)
          .update(people)
          .set({ tokenHash: Buffer.from(tokenHash), ...NO_CODE })
          .where(sql`${people.codeHash} = ${hash} and ${people.codeExpiresAt} > ${now}`)
          .returning();
        if (row !== undefined) return { kind: 'accepted', person: personOf(row) };
        const late = await queries(client)
          .select({ id: people.id })
          .from(people)
          .where(eq(people.codeHash, hash));
        return { kind: late.length > 0 ? 'expired' : 'unknown' };
      }),
    rotate: (id, to) =>
      pool.use(async (client) => {
        const set =
          'code' in to
            ? { tokenHash: null, codeHash: Buffer.from(to.code.hash), codeExpiresAt: to.code.expiresAt }
            : { tokenHash: Buffer.from(to.tokenHash), ...NO_CODE };
        const rows = await queries(client)
          .update(people)
          .set(set)
          .where(eq(people.id, id))
          .returning({ id: people.id });
        return rows.length > 0;
      }),
    erase: (id) =>
      pool.use((client) =>
        queries(client).transaction(async (tx) => {
          await tx.delete(personNameKeys).where(eq(personNameKeys.person, id));
          const rows = await tx
            .update(people)
            .set({ name: id, tokenHash: null, ...NO_CODE })
            .where(eq(people.id, id))
            .returning({ id: people.id });
          return rows.length > 0;
        }),
      ),
    byToken: (token) =>
      pool.use(async (client) => {
        // The index sees eight bytes of the hash; the rest is compared in constant time here.
        const hash = hashToken(token);
        const rows = await queries(client)
          .select()
          .from(people)
          .where(sql`substring(${people.tokenHash} for 8) = ${hash.subarray(0, 8)}`);
        const row = rows.find(({ tokenHash }) => tokenHash !== null && timingSafeEqual(tokenHash, hash));
        return row === undefined ? null : personOf(row);
      }),
    list: () =>
      pool.use(async (client) =>
        (await queries(client).select().from(people).orderBy(asc(people.name), asc(people.id))).map(
          (row) => ({
            ...personOf(row),
            token: row.tokenHash !== null,
            expiresAt: row.codeExpiresAt,
            // Of whoever is forgotten the id alone is left.
            erased: row.name === row.id,
          }),
        ),
      ),
  };
}
