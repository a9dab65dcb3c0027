import type { FreezeView, StopView, TargetFrozen } from '@millwright/api';
import { commandOf } from '../acts.ts';
import { ago } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { oneLine } from '../text/plain.ts';
import { hang } from '../text/width.ts';

/** That something may not go forward: who said so, why, and the command that lifts it. */
export const stopLines = ({ colour, columns }: Look, stop: StopView | null): string[] =>
  stop === null
    ? []
    : [
        ...hang('  ', oneLine(stop.reason), columns).map(colour.yellow),
        `  ${colour.dim('next:')} ${commandOf(stop.next)}`,
      ];

/** `by Ann 12 min ago: the provider is down`. */
export const freezeText = ({ who, reason, at }: FreezeView, now: number): string =>
  `by ${who === 'factory' ? 'the factory' : oneLine(who)} ${ago(at, now)}: ${oneLine(reason)}`;

/** A target that is frozen, or was thawed: who froze it, each with their reason, and which canary that held. */
export function targetFrozen(
  look: Look,
  { repo, frozen, freezes, held }: TargetFrozen,
  now: number,
): string[] {
  const each = freezes.flatMap((one) => hang('  ', freezeText(one, now), look.columns));
  if (!frozen) return [`${repo} is not frozen any more; what is lifted is the freeze`, ...each];
  return [
    `${repo} is frozen: nothing goes forward, until it is thawed`,
    ...each,
    ...(held === null
      ? []
      : hang('', `The canary ${held} has no traffic any more; after the thaw it begins anew.`, look.columns)),
    `${look.colour.dim('next:')} ./millwright release thaw ${repo} --reason "…"${freezes.length > 1 ? `, which lifts all ${freezes.length}` : ''}`,
  ];
}
