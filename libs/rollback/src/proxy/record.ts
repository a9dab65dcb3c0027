import { readOurs, writeDurably } from '../durable.ts';
import { type ProxyRecord, parseConfig, renderConfig } from './config.ts';

/** The record on disk, or null before the first one. */
export const readRecord = (path: string): Promise<ProxyRecord | null> =>
  readOurs<ProxyRecord | null>(path, null, (text) => {
    const record = parseConfig(text);
    if (record === null) throw new Error('it does not begin with a record');
    return record;
  });

/** Configuration and record in one; HAProxy's own user reads it. */
export const writeRecord = (path: string, record: ProxyRecord): Promise<void> =>
  writeDurably(path, renderConfig(record), 0o644);
