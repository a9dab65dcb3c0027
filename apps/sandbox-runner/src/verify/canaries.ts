import type { Canary, CanaryKind } from '@millwright/toolchains';
import type { Outcome } from './report.ts';

/**
 * What is wrong with a file's canaries, or null when all reported exactly as they must. A file that another test file imports reports
 * from both processes: each of its reports must then be right.
 */
export function canaryFault(canary: Canary, outcomes: readonly Outcome[]): string | null {
  for (const { title, kind } of canary.marks) {
    const own = outcomes.filter((o) => o.title === title);
    if (own.length === 0) return `a canary test (${kind}) in ${canary.file} did not report`;
    for (const one of own) {
      const fault = reportFault(canary, kind, one);
      if (fault !== null) return fault;
    }
  }
  return null;
}

function reportFault(canary: Canary, kind: CanaryKind, { state, message }: Outcome): string | null {
  if (kind === 'pass') return state === 'pass' ? null : `the must-pass canary in ${canary.file} was ${state}`;
  if (state !== 'fail') return `the must-fail canary (${kind}) in ${canary.file} was ${state}`;
  if (message.includes(canary.proof)) return null;
  const neutered = /neutered:([ \w.]+)/.exec(message)?.[1]?.trim();
  return neutered === undefined
    ? `the must-fail canary (${kind}) in ${canary.file} failed with another error than its own`
    : `assertions let wrong values by in ${canary.file}: ${neutered.slice(0, 200)}`;
}
