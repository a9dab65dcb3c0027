import { parseCheckpointText, parseNote } from '../proof/index.ts';

/** How many entries a checkpoint's note says that it covers, whoever signed it; null where the text is none. */
export function sizeOfNote(text: string): number | null {
  const parsed = parseNote(text);
  return parsed.kind === 'note' ? (parseCheckpointText(parsed.note.text)?.size ?? null) : null;
}
