import type { Ticket } from '@millwright/domain';

const TESTS = /\b(tests?|specs?|test suite|snapshots?|expectations?)\b/i;
const CHANGE =
  /\b(remov|delet|drop|renam|rewrit|rewrot|replac|updat|chang|adapt|adjust|obsolet|skip|weaken|consolidat|merg|mov|simplif|reduc|clean|migrat|port|convert)\w*/i;

/** Whether a ticket says that tests go or change: then that is its word, and not an implementer's. */
export function speaksOfTests({
  title,
  body,
  acceptance,
}: Pick<Ticket, 'title' | 'body' | 'acceptance'>): boolean {
  return [title, ...acceptance, ...body.split(/[.;!?\n]+/)].some(
    (sentence) => TESTS.test(sentence) && CHANGE.test(sentence),
  );
}
