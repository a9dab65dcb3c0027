import { type Facts, undoText } from '@millwright/domain';
import { stepOf } from './context.ts';

// What a decision says to people. One or two plain sentences; the ids beside it are for machines.

const VERB = { start: 'start the run', merge: 'merge the change', deploy: 'deploy the release' } as const;
const bounded = (text: string): string => (text.length <= 2_000 ? text : `${text.slice(0, 1_999)}…`);
const list = (parts: readonly string[]): string => [...new Set(parts)].join('; ');
/** The step in force, and why it is lower than the repository's. */
const step = (facts: Facts): string => {
  const { lost } = facts;
  if (lost === undefined || facts.step > facts.ceiling) return `step ${stepOf(facts)}`;
  const fell =
    lost.release === null
      ? `set for ${lost.kind} changes`
      : `${lost.kind} changes fell to it when ${lost.release} was rolled back`;
  const why = lost.path === undefined ? fell : `${fell}, and this one touches ${lost.path} too`;
  return `step ${stepOf(facts)} (${why})`;
};
const people = (n: number): string => (n === 1 ? 'one person' : n === 2 ? 'two people' : `${n} people`);

/** Why the risk is what it is, for changes; and for a release, whether it can be undone, as of the rehearsal. */
const risk = (facts: Facts): string => {
  if (facts.action === 'start') return '';
  const undo = facts.action === 'deploy' ? ` Undo: ${undoText(facts.undo, facts.undo.at ?? 0)}.` : '';
  if (facts.change.risk !== 'raised') return undo;
  return ` The change ${list(facts.change.reasons.slice(0, 4).map((reason) => reason.text))}.${undo}`;
};

export const sentence = {
  /** `by`: people without whose approvals it would wait. */
  allowed: (facts: Facts, by: number, says: readonly string[]): string =>
    bounded(
      `Allowed to ${VERB[facts.action]}${by === 0 ? '' : ` by ${people(by)}`} at ${step(facts)}: ${list(says)}.${risk(facts)}`,
    ),
  waits: (facts: Facts, needed: number, given: number, says: readonly string[]): string =>
    bounded(
      `Waits to ${VERB[facts.action]} until ${people(needed)} other than the requester allow${needed === 1 ? 's' : ''} it (${given} so far), at ${step(facts)}: ${list(says)}.${risk(facts)}`,
    ),
  denied: (facts: Facts, says: readonly string[]): string =>
    bounded(
      says.length === 0
        ? `Denied to ${VERB[facts.action]}: no policy permits it at ${step(facts)}, with any approval.${risk(facts)}`
        : `Denied to ${VERB[facts.action]}: ${list(says)}. No approval lifts this.${risk(facts)}`,
    ),
  missing: (facts: readonly string[]): string =>
    bounded(`Denied: these facts are missing or do not fit: ${facts.join(', ')}.`),
  faulty: (message: string): string => bounded(`Denied: the policy could not be evaluated (${message}).`),
};
