import { createHash, timingSafeEqual } from 'node:crypto';
import { PersonId, PersonRole } from '@millwright/domain';
import type { Pool } from './connect.ts';

export type Person = { id: PersonId; name: string; roles: PersonRole[] };
type Row = { id: string; name: string; roles: string[] };

const personOf = (row: Row): Person => ({
  id: PersonId.parse(row.id),
  name: row.name,
  roles: PersonRole.array().parse(row.roles),
});

/** Names and tokens of people: the trail holds only their ids, so that a name can be forgotten. Orchestrator only. */
export type People = {
  /** `exists`: the id or the token is taken; nothing was changed. */
  enrol(person: Person & { tokenHash: Uint8Array }): Promise<{ kind: 'enrolled' } | { kind: 'exists' }>;
  byToken(token: string): Promise<Person | null>;
  list(): Promise<Person[]>;
};

/** SHA-256. Tokens are random and long, so that nothing slower is needed. */
export const hashToken = (token: string): Uint8Array => createHash('sha256').update(token, 'utf8').digest();

export function peopleOn(pool: Pool): People {
  return {
    enrol: ({ id, name, roles, tokenHash }) =>
      pool.use(async (sql) => {
        const rows = await sql`
          insert into millwright.people (id, name, roles, token_hash) values (${id}, ${name}, ${roles}::text[], ${tokenHash})
          on conflict do nothing returning id`;
        return rows.length > 0 ? { kind: 'enrolled' } : { kind: 'exists' };
      }),
    byToken: (token) =>
      pool.use(async (sql) => {
        // The index sees eight bytes of the hash; the rest is compared in constant time here.
        const hash = hashToken(token);
        const rows = await sql<(Row & { token_hash: Uint8Array })[]>`
          select id, name, roles, token_hash from millwright.people
          where substring(token_hash for 8) = ${hash.subarray(0, 8)}`;
        const row = rows.find((candidate) => timingSafeEqual(candidate.token_hash, hash));
        return row === undefined ? null : personOf(row);
      }),
    list: () =>
      pool.use(async (sql) =>
        (await sql<Row[]>`select id, name, roles from millwright.people order by name, id`).map((row) =>
          personOf(row),
        ),
      ),
  };
}
