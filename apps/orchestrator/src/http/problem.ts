import { type Act, type ErrorCode, type Problem, type ProblemDetails, problemOf } from '@millwright/api';
import { nearestName } from '@millwright/domain';

/** A problem on its way to who asked. */
export class HttpProblem extends Error {
  readonly problem: Problem;

  constructor(code: ErrorCode, message: string, details: ProblemDetails = {}) {
    super(message);
    this.problem = problemOf(code, message, details);
  }
}

/** `next`: what can be done, or in words where no act says it. */
type Next = Act | readonly Act[] | string;
const told = (next: Next | undefined): ProblemDetails => {
  if (next === undefined) return {};
  if (typeof next === 'string') return { hint: next };
  return { acts: 'act' in next ? [next] : next };
};

export const problem = (code: ErrorCode, message: string, next?: Next) =>
  new HttpProblem(code, message, told(next));
/** `among`: the names that there are, where a person may have mistyped one. */
export const notFound = (what: string, id: string, next: Next, among: Iterable<string> = []) => {
  const near = nearestName(id, among);
  return problem(
    'not-found',
    `there is no ${what} ${id}${near === null ? '' : `; did you mean ${near}?`}`,
    next,
  );
};
/** A filter of a list names what is not there: the question is wrong, and the answer is not an empty list. */
export const unknownFilter = (what: string, given: string, next: Next) =>
  problem('unknown-filter', `there is no ${what} "${given}"`, next);
