import { action } from '@millwright/agents';
import type { AttemptStream } from '@millwright/audit';
import {
  type Actor,
  type Artifacts,
  type AttemptRecord,
  type Clock,
  type ConversationChange,
  cancelled,
  type Digest,
  getJson,
  type KnownSecrets,
  maskDeep,
  openTurn,
  putJson,
  type RecordedEntry,
  type Role,
  type TurnLog,
  type TurnRecord,
  terminal,
  Usage,
} from '@millwright/domain';
import type { Sandbox } from '@millwright/sandbox';
import { z } from 'zod';
import { maskedBytes } from '../known-secrets.ts';

const StoredTurn = z.object({
  turn: z.number().int().positive(),
  model: z.string(),
  assistant: z.array(z.unknown()),
  results: z.array(z.unknown()),
  stopReason: z.string().nullable(),
  usage: Usage,
  action: z.string(),
  handover: z.boolean().optional(),
  opening: z.string().optional(),
});

const recordedTurns = (past: readonly RecordedEntry[]) =>
  past.flatMap(({ entry }) => (entry?.type === 'turn.recorded' ? [entry.data] : []));

const Note = z.object({ note: z.string() });

/** What became of the conversation, as the trail has it; notes are artifacts. */
const recordedChanges = (
  artifacts: Artifacts,
  past: readonly RecordedEntry[],
): Promise<ConversationChange[]> =>
  Promise.all(
    past
      .flatMap(({ entry }) => (entry?.type === 'conversation.changed' ? [entry.data] : []))
      .map(async ({ change: kind, note, ...rest }) => ({
        ...rest,
        kind,
        note: note === null ? null : (await getJson(artifacts, Note, note)).note,
      })),
  );

/** Half of what makes a runner count as hung. */
const FRESH_MS = 5_000;

const LOST = 'the runner that asked for it is gone, and the answer with it';

const turnOf = ({ handover, opening, ...turn }: z.infer<typeof StoredTurn>): TurnRecord => ({
  ...turn,
  ...(handover === undefined ? {} : { handover }),
  ...(opening === undefined ? {} : { opening }),
});

/** The workspace as the last recorded turn left it, or null when no turn has changed it. */
export function lastWorkspace(past: readonly RecordedEntry[]): Digest | null {
  return recordedTurns(past).findLast((turn) => turn.workspace !== null)?.workspace ?? null;
}

/**
 * The attempt's log of turns. A turn is on the trail only together with the workspace as it left it: first the bytes are stored, then one
 * entry names both. `keep` is false for roles whose workspace is thrown away.
 */
export function turnLog(parts: {
  artifacts: Artifacts;
  known: KnownSecrets;
  stream: Pick<AttemptStream, 'append'>;
  role: Role;
  clock: Pick<Clock, 'now'>;
  past: readonly RecordedEntry[];
  sandbox: Pick<Sandbox, 'snapshot'>;
  keep: boolean;
  /** Told of each workspace that was kept. */
  kept?: (workspace: Digest) => void;
  /** Asked before each call; throws a cancelled 'halted' where it may not be made. */
  mayAsk?: (model: string) => Promise<void>;
}): TurnLog {
  const { artifacts, known, stream, sandbox } = parts;
  let told = false;
  const say = async (entries: AttemptRecord[]): Promise<void> => {
    const appended = await stream.append(`agent/${parts.role}` as Actor, entries);
    if (appended.kind === 'appended') return;
    throw cancelled('taken-over', appended.kind === 'refused' ? appended.reason : 'the attempt has moved on');
  };
  return {
    async load() {
      const [turns, changes] = await Promise.all([
        Promise.all(recordedTurns(parts.past).map(({ record }) => getJson(artifacts, StoredTurn, record))),
        recordedChanges(artifacts, parts.past),
      ]);
      return { turns: turns.map(turnOf), changes };
    },

    async changed({ kind: change, note, ...rest }) {
      const kept = note === null ? null : await putJson(artifacts, Note, { note });
      await say([{ type: 'conversation.changed', data: { ...rest, change, note: kept } }]);
    },

    async asked(turn, model) {
      await parts.mayAsk?.(model);
      const lost = openTurn(parts.past);
      // Once: what a runner before this one asked for, and took with it.
      const gone: AttemptRecord[] =
        lost === null || told ? [] : [{ type: 'turn.lost', data: { turn: lost, reason: LOST } }];
      const asked: AttemptRecord = { type: 'turn.asked', data: { turn, model } };
      let from = parts.clock.now();
      await say([...gone, asked]);
      told = true;
      // Stopped in between, we may have been taken over since: said once more, it is refused before a turn is paid for that nobody takes.
      while (parts.clock.now() - from > FRESH_MS) {
        from = parts.clock.now();
        await say([asked]);
      }
    },

    async lost(turn, reason) {
      await say([{ type: 'turn.lost', data: { turn, reason: reason.slice(0, 4_000) } }]);
    },

    async record(turn: TurnRecord) {
      known.forget(); // what was set while the turn ran counts
      const keepTurn = async () => {
        const kept = keptTurn(turn, (await known.now()).mask);
        return { kept, record: await artifacts.put(new TextEncoder().encode(JSON.stringify(kept))) };
      };
      const [workspace, { kept, record }] = await Promise.all([
        parts.keep ? keepWorkspace(artifacts, sandbox, known) : null,
        keepTurn(),
      ]);
      const { turn: number, model, usage, overUsd, action } = kept;
      const over = overUsd === undefined ? {} : { overUsd };
      const data = { turn: number, record, workspace, model, usage, ...over, action };
      await say([{ type: 'turn.recorded', data }]);
      if (workspace !== null) parts.kept?.(workspace);
    },
  };
}

/** A turn without known values; what is said in this process goes on as it was said. */
const keptTurn = (turn: TurnRecord, mask: (text: string) => string): TurnRecord => ({
  ...turn,
  assistant: maskDeep(turn.assistant, mask) as unknown[],
  results: maskDeep(turn.results, mask) as unknown[],
  action: action(mask(turn.action)),
  ...(turn.opening === undefined ? {} : { opening: mask(turn.opening) }),
});

async function keepWorkspace(
  artifacts: Artifacts,
  sandbox: Pick<Sandbox, 'snapshot'>,
  known: KnownSecrets,
): Promise<Digest | null> {
  const snapshot = await sandbox.snapshot();
  if (snapshot.kind === 'unchanged') return null;
  if (snapshot.kind === 'refused')
    throw terminal('workspace-too-large', `The workspace cannot be kept: ${snapshot.reason}.`);
  return artifacts.put(await maskedBytes(snapshot.tar, known)); // a resumed attempt finds x for each character of a secret
}
