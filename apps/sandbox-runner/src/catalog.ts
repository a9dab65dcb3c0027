import { readFile } from 'node:fs/promises';
import { catalogWith } from '@millwright/agents';

/** The catalog of models with this file over it. Read anew for every attempt: a model that is added is known without a restart. */
export async function readCatalog(file: string): Promise<ReturnType<typeof catalogWith>> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return catalogWith(text, file);
}
