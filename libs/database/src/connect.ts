import { socketHost } from '@millwright/domain';
import postgres from 'postgres';

export type Sql = postgres.Sql<{ bigint: number }>;
export type TransactionSql = postgres.TransactionSql<{ bigint: number }>;
export type ClientOptions = Pick<
  postgres.Options<Record<string, never>>,
  'connection' | 'idle_timeout' | 'max' | 'max_lifetime' | 'onclose'
>;

/** A client that connects when first used, by TCP or a Unix socket. */
export const connect = (url: string, options: ClientOptions): Sql =>
  postgres(url, {
    ...socketHost(url),
    connect_timeout: 10,
    onnotice: () => undefined,
    // Asked of the server for each connection, with nobody to catch its failure: a connection that is lost just then ended the process
    // (postgres.js 3.4.9, `fetchArrayTypes`). Arrays travel as literals, see arrays.ts.
    fetch_types: false,
    ...options,
    // Positions, times, sizes and millionths of dollars are numbers: all stay far below 2^53.
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
  });
