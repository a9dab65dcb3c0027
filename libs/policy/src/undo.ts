import type { ChangeFacts, Rehearsed, ReleaseId, Undo } from '@millwright/domain';

/** What stands against undo in the change itself, in words: "drops column `weight`; removes endpoint `GET /carts`". Null where nothing does. */
export function irreversibleText(irreversible: ChangeFacts['irreversible']): string | null {
  const said = [
    ...new Set(irreversible.map(({ what, statement, path }) => what ?? `${statement} in ${path}`)),
  ];
  if (said.length === 0) return null;
  const more = said.length > 3 ? ` and ${said.length - 3} more` : '';
  return `${said.slice(0, 3).join('; ')}${more}`.slice(0, 500);
}

/**
 * Whether the release can be gone back from: what changes since the live one is all reversible, and it went forth and back on its target.
 * A rehearsal beside another release than `live` shows that it is possible, and does not count as rehearsed.
 */
export function undoOf(
  irreversible: ChangeFacts['irreversible'],
  rehearsal: Rehearsed | null,
  live: ReleaseId | null,
): Undo {
  const none = { possible: false, rehearsed: false, ms: null, at: null, to: live };
  const never = irreversibleText(irreversible);
  if (never !== null) return { ...none, why: never };
  if (rehearsal === null) return { ...none, why: 'it was not rehearsed' };
  if (!rehearsal.works) return { ...none, why: rehearsal.reason.slice(0, 500) };
  const { ms, at } = rehearsal;
  // It is rehearsed once it is allowed, before it has any traffic.
  if (ms === null) return { ...none, possible: true, to: live, why: null };
  return { possible: true, rehearsed: rehearsal.to === live, ms, at, to: live, why: null };
}
