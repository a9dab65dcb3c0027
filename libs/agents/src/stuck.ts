// Is the model getting anywhere? Pure: told by what it called and what came back.

/**
 * One tool call and its result, as fingerprints. `novel`: this call had not given this result before. `changed`: it left the
 * workspace other than it was.
 */
export type Observation = {
  turn: number;
  call: string;
  result: string;
  novel: boolean;
  changed: boolean;
  label: string;
};

/** In turns, but `repeats` and `rounds`. `unchangedTurns` null: the role does not write. */
export type StuckLimits = {
  repeats: number;
  rounds: number;
  idleTurns: number;
  unchangedTurns: number | null;
};
export const DEFAULT_STUCK: StuckLimits = { repeats: 3, rounds: 2, idleTurns: 12, unchangedTurns: 30 };

export type Stuck = { kind: 'going' } | { kind: 'stuck'; pattern: string };

/** Looks at the end of `seen`: the same call with the same result, a round of two or three calls again, or turns on end for nothing. */
export function stuck(seen: readonly Observation[], limits: StuckLimits = DEFAULT_STUCK): Stuck {
  const last = seen.at(-1);
  const first = seen[0];
  if (last === undefined || first === undefined) return { kind: 'going' };
  const is = (pattern: string): Stuck => ({ kind: 'stuck', pattern });
  if (endsWith(seen, 1, limits.repeats))
    return is(`the same call with the same result, ${limits.repeats} times: ${last.label}`);
  for (const length of [2, 3]) {
    if (!endsWith(seen, length, limits.rounds)) continue;
    const labels = seen.slice(-length).map((one) => one.label);
    return is(`the same ${length} calls with the same results, round and round: ${labels.join(' → ')}`);
  }
  const since = (of: (one: Observation) => boolean) =>
    last.turn - (seen.findLast(of)?.turn ?? first.turn - 1);
  const idle = since((one) => one.novel);
  if (idle >= limits.idleTurns) return is(`nothing new in ${idle} turns; last: ${last.label}`);
  const unchanged = since((one) => one.changed);
  if (limits.unchangedTurns !== null && unchanged >= limits.unchangedTurns)
    return is(`no change to the workspace in ${unchanged} turns; last: ${last.label}`);
  return { kind: 'going' };
}

/** Whether `seen` ends with the same `length` calls and results, `times` times over. */
function endsWith(seen: readonly Observation[], length: number, times: number): boolean {
  if (seen.length < length * times) return false;
  const end = seen.slice(-length * times);
  const same = end.every((one, index) => {
    const first = end[index % length];
    return first !== undefined && one.call === first.call && one.result === first.result;
  });
  // A round of one call only is a repeat, which has its own limit.
  return same && (length === 1 || new Set(end.slice(0, length).map((one) => one.call)).size > 1);
}
