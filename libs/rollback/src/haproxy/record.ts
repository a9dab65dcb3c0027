import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type ProxyRecord, parseConfig, renderConfig } from './config.ts';

/** The record on disk, or null before the first one. A configuration that is not ours throws: nothing is guessed. */
export async function readRecord(path: string): Promise<ProxyRecord | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  const record = parseConfig(text);
  if (record === null)
    throw new Error(`${path} was not written by the factory; move it away and deploy again`);
  return record;
}

/** Durable and atomic: written beside, synced, renamed. */
export async function writeRecord(path: string, record: ProxyRecord): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(`${path}.new`, 'w', 0o644);
  try {
    await file.writeFile(renderConfig(record));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}
