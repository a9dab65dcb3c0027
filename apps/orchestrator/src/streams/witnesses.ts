import type { DoctorLine } from '@millwright/api';
import type { WitnessSeen } from '@millwright/audit';

/** A checkpoint is signed at most a second behind, and a witness waits for the next one: later than this, it is away. Milliseconds. */
const LATE_MS = 5_000;

const isAway = ({ since }: WitnessSeen, now: number): boolean => since !== null && now - since > LATE_MS;

function account({ name, size, at, refused }: WitnessSeen): string {
  const last =
    at === null
      ? 'has cosigned nothing yet'
      : `cosigned last at ${new Date(at).toISOString()}, up to entry ${size}`;
  return `${name} ${last}${refused === null ? '' : `; refused since: ${refused}`}`;
}

/** Whom a decision waits for: those who have not cosigned the newest checkpoint. */
export function awaited(seen: readonly WitnessSeen[], quorum: number): string {
  const behind = seen.filter(({ since }) => since !== null);
  return `witnesses have not cosigned it yet (${quorum} of ${seen.length} must): ${behind.map(account).join(', ')}`;
}

/** A line a witness. One that is away is at fault even while the others are enough. */
export function witnessLines(seen: readonly WitnessSeen[], quorum: number, now: number): DoctorLine[] {
  const there = seen.filter((one) => !isAway(one, now)).length;
  const ships =
    there >= quorum ? `${there} of ${seen.length} are enough` : 'nothing merges, deploys or is promoted';
  return seen.map((one) => ({
    id: `witness ${one.name}`,
    ok: !isAway(one, now),
    text: isAway(one, now) ? `${account(one)}; ${ships}; going back waits for none` : account(one),
    fix: isAway(one, now)
      ? {
          hint: 'it says why it does not cosign',
          acts: [{ act: 'start-witness' as const, to: 'start it where its folder is' }],
        }
      : null,
  }));
}
