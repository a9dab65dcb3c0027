import type { Ticket } from '@millwright/domain';

const VERB =
  '(?:remove|delete|drop|skip|disable|rename|rewrite|replace|update|change|adapt|adjust|simplify|move|merge|migrate|convert|retire)';
const TESTS = '(?:tests?|specs?|snapshots?|test suite)';
/** "Update the old tests"; "the tests of it change with it"; "tests may be removed". */
const SAYS_SO = [
  new RegExp(
    `\\b${VERB}\\b(?:\\s+(?!(?:so|that|until|and|if|when|for|to|by)\\b)[\\w-]+){0,4}\\s+${TESTS}\\b`,
    'i',
  ),
  new RegExp(
    `\\b${TESTS}\\b(?:\\s+[\\w-]+){0,6}\\s+(?:change|go|move|(?:may|can|must|should|need to|have to|will)\\s+(?:be\\s+\\w+|change|go|move))\\b`,
    'i',
  ),
];

const SETUP =
  '(?:tests?[ -](?:scripts?|commands?|runners?|set-?ups?|config(?:uration)?s?)|(?:pre|post)test|scripts? (?:of|in) package\\.json|(?:vitest|jest)\\.config\\S*|\\.mocharc\\S*|coverage (?:threshold|report|check)s?)';
const RUNNER = '(?:vitest|jest|mocha|ava|uvu|node:test|node --test)';
const UP_TO_SIX = '(?:\\s+(?!(?:so|that|until|if|when|because|since|by)\\b)[^\\s;!?]+){0,6}\\s+';
/** "Add a pretest script"; "switch from mocha to vitest"; "the test command should print less". */
const SAYS_HOW = [
  new RegExp(
    `\\b(?:${VERB}|add|set|make|let|use|configure|extend|introduce|exclude|include)\\b${UP_TO_SIX}${SETUP}(?![\\w-])`,
    'i',
  ),
  new RegExp(
    `\\b(?:use|switch|upgrade|bump|configure|introduce|migrate|move|replace|convert)\\b${UP_TO_SIX}${RUNNER}(?![\\w-])`,
    'i',
  ),
  new RegExp(`\\b${SETUP}${UP_TO_SIX}(?:should|must|needs? to|has to|have to|may|can)\\b`, 'i'),
];

type Words = Pick<Ticket, 'title' | 'body' | 'acceptance'>;
const says = ({ title, body, acceptance }: Words, end: RegExp, patterns: readonly RegExp[]): boolean =>
  [title, ...acceptance, ...body.split(end)].some((sentence) =>
    patterns.some((pattern) => pattern.test(sentence)),
  );

/** Whether a ticket asks, as a wish, for another way of finding, starting or configuring tests. */
export const speaksOfTestSetup = (ticket: Words): boolean => says(ticket, /[.;!?]\s|\n/, SAYS_HOW);

/**
 * Whether a ticket says that tests go or change: then that is its word, and not an implementer's. It must say so as a wish: a mere mention
 * of deleted tests is none.
 */
export const speaksOfTests = (ticket: Words): boolean => says(ticket, /[.;!?\n]+/, SAYS_SO);
