import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { parseVerifierKey } from '@millwright/audit/proof';
import { clientOf } from '../client.ts';
import type { GlobalOptions } from '../connection.ts';
import { findFactory } from '../connection.ts';
import { messageOf, usage } from '../fail.ts';
import { parseWhole } from '../text/parse.ts';
import { openWitnessFolder } from '../witness/folder.ts';
import { serve } from '../witness/serve.ts';
import { watcher } from '../witness/watch.ts';

export type WitnessOptions = GlobalOptions & { factory?: string; port?: string; key?: string; name?: string };

const say = (line: string): void => void process.stderr.write(`${new Date().toISOString()} ${line}\n`);
/** Between two looks at a factory that cannot be reached, or that is refused; in milliseconds. */
const PAUSE_MS = 2_000;
/** The longest answer asked for waits 20 s for a checkpoint; the largest is a key with all that were before it. */
const ANSWER_MS = 30_000;
const MAX_ANSWER = 8_388_608;

/** Watches a factory until it is told to stop. Its `--data` is the witness's own folder, never the factory's. */
export async function witness(options: WitnessOptions): Promise<void> {
  if (options.data === undefined) throw usage('a witness needs a folder of its own: --data DIR');
  const key = options.key === undefined ? null : parseVerifierKey(options.key);
  if (options.key !== undefined && key?.kind !== 'note')
    throw usage(`this is not a log's verifier key: ${options.key}`, './millwright trail key');
  const port = parseWhole(options.port ?? '0', '--port', 0, 65_535);
  const client = clientOf(
    findFactory({ ...options, ...(options.factory ? { url: options.factory } : {}) }, process.env),
    { answerMs: ANSWER_MS, maxBytes: MAX_ANSWER },
  );
  const folder = await openWitnessFolder(
    resolve(options.data),
    options.name ?? `witness.local/${randomBytes(6).toString('hex')}`,
  );
  const watch = watcher({ client, folder, key, now: () => Date.now(), shout: say });
  const served = await serve({ port, watcher: watch, folder, shout: say });
  let stopped = false;
  const stop = new AbortController();
  const end = () => {
    stopped = true;
    stop.abort();
  };
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  const ended = new Promise<void>((done) => stop.signal.addEventListener('abort', () => done()));
  const pause = (ms: number) => Promise.race([ended, new Promise((done) => setTimeout(done, ms).unref())]);
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ vkey: folder.signer.vkey, url: `http://127.0.0.1:${served.port}`, factory: client.url })}\n`
      : `${folder.signer.vkey}\n`,
  );
  say(
    `witnessing ${client.url}; serving the last cosigned checkpoint at http://127.0.0.1:${served.port}/checkpoint`,
  );
  let before = '';
  while (!stopped) {
    try {
      const verdict = await Promise.race([ended, watch.look()]);
      if (verdict === undefined) break; // told to stop: no factory that stalls keeps it
      if (verdict.kind === 'refused') throw new Error(verdict.reason);
      if (verdict.kind === 'cosigned' && before !== '') say('the factory answers again');
      before = '';
      if (verdict.kind === 'cosigned') await Promise.race([ended, watch.next()]);
      else await pause(PAUSE_MS);
    } catch (error) {
      const now = messageOf(error);
      if (now !== before) say(`not cosigned: ${now}`);
      before = now;
      await pause(PAUSE_MS);
    }
  }
  await served.close();
  client.close();
}
