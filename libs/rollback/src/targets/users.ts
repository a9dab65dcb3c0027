import { createHash } from 'node:crypto';
import type { RepoName } from '@millwright/domain';

/**
 * What of a target a process is for. Each has a user id of its own: of what one may read (/proc/PID/environ, a socket, a file of mode 0400)
 * nothing belongs to another, or to another target, or to an agent's sandbox.
 */
export type Purpose = 'release' | 'smoke' | 'proxy' | 'command';

/** A range that nobody gives out (systemd, "Users, Groups, UIDs and GIDs on systemd Systems"), up to the greatest id an engine takes. */
const FIRST = 0x7000_0000;
const COUNT = 0x0fff_ffff;

/** The same for the same target on every machine, so that files of a volume go on belonging to it. Of two targets' ids one in 268 million is the same. */
export function userOf(
  place: { readonly factory: string; readonly repo: RepoName },
  purpose: Purpose,
): number {
  const key = JSON.stringify([place.factory, place.repo, purpose]);
  return FIRST + (createHash('sha256').update(key).digest().readUInt32BE(0) % COUNT);
}

/** Whether this process can be other users at all. */
export const isRoot = (): boolean => process.getuid?.() === 0;
