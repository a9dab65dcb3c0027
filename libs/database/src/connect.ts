import { socketHost } from '@millwright/domain';
import postgres from 'postgres';

export type Sql = postgres.Sql<{ bigint: number }>;
export type TransactionSql = postgres.TransactionSql<{ bigint: number }>;
export type ClientOptions = Pick<
  postgres.Options<Record<string, never>>,
  'connection' | 'fetch_types' | 'idle_timeout' | 'max' | 'max_lifetime' | 'onclose'
>;

/** A client that connects when first used, by TCP or a Unix socket. */
export const connect = (url: string, options: ClientOptions): Sql =>
  postgres(url, {
    ...socketHost(url),
    connect_timeout: 10,
    onnotice: () => undefined,
    ...options,
    // Positions, times, sizes and millionths of dollars are numbers: all stay far below 2^53.
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
  });
