import { hash, randomBytes } from 'node:crypto';
import type { Pool } from '@millwright/database';
import { printedSecrets, printsOf, type SecretFinder, SecretPrints } from '@millwright/domain';
import { queries, secrets } from './tables.ts';

// A quick digest and no slow one: every place of a text that begins like a value is digested, and the heads alone would let a guesser skip
// nearly all of the slow ones. What that costs: ADR 0036.

const digestOf = (salt: string, text: string): string => hash('sha256', `${salt} ${text}`, 'base64url');

/** A value's prints as its row has them. */
export const printed = (value: string): string =>
  JSON.stringify(printsOf(value, randomBytes(16).toString('base64url'), digestOf));

/** What finds every secret that was set, of every repository, for who may not know their values. */
export const secretFinderOn = (pool: Pool) => async (): Promise<SecretFinder> => {
  const { name, prints } = secrets;
  const rows = await pool.use((client) => queries(client).select({ name, prints }).from(secrets));
  return printedSecrets(
    rows.map((row) => ({ name: row.name, prints: SecretPrints.parse(JSON.parse(row.prints)) })),
    digestOf,
  );
};
