import { createHash } from 'node:crypto';
import type { AnswerOf } from '@millwright/api';
import {
  formatSignatureLines,
  fromBase64,
  judge,
  keysAfter,
  parseVerifierKey,
  type Submission,
  type VerifierKey,
  type WitnessVerdict,
} from '@millwright/audit/proof';
import type { Client } from '../client.ts';
import { Fail, failed } from '../fail.ts';
import type { WitnessFolder } from './folder.ts';

export type Watcher = {
  /** Judges one submission; the state is stored before the answer is given. One at a time. */
  submit(submission: Submission, claimsLatest: boolean): Promise<WitnessVerdict>;
  /** Looks at the factory once: its latest checkpoint, and the proof that goes on from ours. Resolves with what came of it. */
  look(): Promise<WitnessVerdict | { kind: 'nothing' }>;
  /** Waits, 20 s at most, until the factory has a checkpoint after the last. */
  next(): Promise<void>;
};

/** The log's keys: the pinned one and those it handed over to. What the factory says about its keys is believed as far as their signatures go. */
async function logKeys(
  client: Client,
  folder: WitnessFolder,
  given: VerifierKey | null,
): Promise<VerifierKey[]> {
  const { value } = await client.call('showKey');
  const pinned = await folder.logKey();
  if (pinned !== null && given !== null && given.vkey !== pinned)
    throw failed('other_key', `this folder's witness watches ${pinned}, not ${given.vkey}`, {
      next: 'take another --data folder',
    });
  const vkey = pinned ?? given?.vkey ?? value.vkey;
  const key = parseVerifierKey(vkey);
  if (key?.kind !== 'note') throw failed('bad_key', `this is not a log's verifier key: ${vkey}`);
  if (pinned === null) await folder.pin(vkey);
  return keysAfter([key], value.rotations);
}

export function watcher(options: {
  client: Client;
  folder: WitnessFolder;
  key: VerifierKey | null;
  now: () => number;
  shout: (line: string) => void;
}): Watcher {
  const { client, folder } = options;
  let turn: Promise<unknown> = Promise.resolve();
  let keys: VerifierKey[] = [];

  const judged = async (submission: Submission, claimsLatest: boolean): Promise<WitnessVerdict> => {
    const seconds = Math.floor(options.now() / 1_000);
    const verdict = judge(await folder.last(), submission, {
      keys,
      signer: folder.signer,
      seconds,
      claimsLatest,
    });
    if (verdict.kind === 'cosigned') await folder.store(verdict.next);
    if (verdict.kind === 'alarm' && (claimsLatest || verdict.code === 'fork')) {
      options.shout(`ALARM (${verdict.code}): ${verdict.reason}. Not cosigned; the evidence is kept.`);
      const name = `${createHash('sha256').update(submission.note).digest('hex').slice(0, 32)}.json`;
      await folder.evidence(name, { ...verdict, at: new Date(options.now()).toISOString() });
    }
    return verdict;
  };
  const submit = (submission: Submission, claimsLatest: boolean): Promise<WitnessVerdict> => {
    const mine = turn.then(() => judged(submission, claimsLatest));
    turn = mine.catch(() => undefined); // its caller hears of it
    return mine;
  };

  const latest = async (): Promise<Pick<AnswerOf<'showCheckpoint'>, 'size' | 'note'> | null> => {
    try {
      return (await client.call('showCheckpoint')).value;
    } catch (error) {
      if (error instanceof Fail && error.problem.code === 'not-found') return null;
      throw error;
    }
  };

  return {
    submit,
    look: async () => {
      keys = await logKeys(client, folder, options.key);
      const found = await latest();
      if (found === null) return { kind: 'nothing' };
      const last = await folder.last();
      const old = last?.size ?? 0;
      const growing = old > 0 && found.size > old;
      const proof = growing
        ? (await client.call('proveConsistency', { query: { from: old, to: found.size } })).value.proof
        : [];
      const hashes = proof.map((hash) => fromBase64(hash) ?? new Uint8Array());
      const verdict = await submit({ old: Math.min(old, found.size), proof: hashes, note: found.note }, true);
      if (verdict.kind === 'cosigned')
        await client.call('cosign', {
          body: {
            size: verdict.checkpoint.size,
            signatures: formatSignatureLines([verdict.signature]),
          },
        });
      return verdict;
    },
    next: async () => {
      const after = (await folder.last())?.size ?? 0;
      try {
        await client.call('showCheckpoint', { query: { after, waitMs: 20_000 } });
      } catch (error) {
        if (!(error instanceof Fail && error.problem.code === 'not-found')) throw error;
      }
    },
  };
}
