import type { TrailVerdict } from '@millwright/audit/proof';
import { exact } from '../api/client.ts';
import type { Answered, Carried } from './worker.ts';

const KEY = 'millwright.verifier-key';
const SEEN = 'millwright.checkpoint';

/** The key that this browser believes; null before one was given or seen. */
export const pinnedKey = (): string | null => localStorage.getItem(KEY);
export const pinKey = (vkey: string) => localStorage.setItem(KEY, vkey.trim());

/** A part of the trail; as many entries as make a request worth its while. */
const PART = 1_000;

/**
 * Reads all of the trail and checks it here: order, payloads, tree, signatures and cosignatures, against the key that this browser keeps and the checkpoint
 * that it saw last. `read`: how far it has come. Throws `Failed` where the factory does not hand it out.
 */
export async function verifyTrail(
  read: (at: number, of: number) => void,
  signal: AbortSignal,
): Promise<TrailVerdict> {
  const { vkey, rotations } = await exact('showKey');
  const pinned = pinnedKey();
  if (pinned === null) pinKey(vkey);
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  signal.addEventListener('abort', () => worker.terminate());
  const ask = (carried: Carried) =>
    new Promise<Answered>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<Answered>) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(`the check stopped: ${message}`));
      worker.postMessage(carried);
    });
  try {
    const seen = localStorage.getItem(SEEN);
    const begin = { keys: [pinned ?? vkey], rotations, earlier: seen === null ? [] : [seen] };
    let { done } = (await ask({ kind: 'begin', ...begin })) as { done: boolean };
    let last: string | null = null;
    let missing: number | null = null;
    for (let after = 0; !done && !signal.aborted; ) {
      const page = await exact('readLog', { query: { after, limit: PART } });
      last = page.checkpoints.at(-1)?.note ?? last;
      const { entries, checkpoints } = page;
      done = ((await ask({ kind: 'page', entries, checkpoints })) as { done: boolean }).done;
      const end = entries.at(-1)?.envelope.position;
      if (end === undefined) {
        missing = page.sealed > after ? page.sealed : null;
        break;
      }
      after = end;
      read(after, page.head);
    }
    const said = await ask({ kind: 'end', missing });
    if (said.kind !== 'verdict') throw new Error('the check ended without a verdict');
    if (said.verdict.integrity.kind === 'ok' && last !== null) localStorage.setItem(SEEN, last);
    return said.verdict;
  } finally {
    worker.terminate();
  }
}
