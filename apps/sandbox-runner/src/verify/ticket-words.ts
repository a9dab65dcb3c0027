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

/**
 * Whether a ticket says that tests go or change: then that is its word, and not an implementer's. It must say so as a wish: a mere mention
 * of deleted tests is none.
 */
export function speaksOfTests({
  title,
  body,
  acceptance,
}: Pick<Ticket, 'title' | 'body' | 'acceptance'>): boolean {
  return [title, ...acceptance, ...body.split(/[.;!?\n]+/)].some((sentence) =>
    SAYS_SO.some((pattern) => pattern.test(sentence)),
  );
}
