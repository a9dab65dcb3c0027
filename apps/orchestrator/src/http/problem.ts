import type { ApiProblem } from '@millwright/api';

/** A problem that a person sees, with the status of RFC 9110 that carries it. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly problem: ApiProblem;

  constructor(
    status: number,
    code: string,
    message: string,
    rest: { next?: string; kept?: string; exitCode?: number } = {},
  ) {
    super(message);
    this.status = status;
    this.problem = { code, message, exitCode: 1, ...rest };
  }
}

export const notFound = (what: string, id: string, next: string) =>
  new HttpProblem(404, 'not-found', `there is no ${what} ${id}`, { next });
/** A filter of a list names what is not there: the question is wrong, and the answer is not an empty list. */
export const unknownFilter = (what: string, given: string, next: string) =>
  new HttpProblem(404, 'unknown-filter', `there is no ${what} "${given}"`, { next, exitCode: 2 });
export const forbidden = (message: string, next?: string) =>
  new HttpProblem(403, 'forbidden', message, { exitCode: 4, ...(next ? { next } : {}) });
export const conflict = (code: string, message: string, next?: string) =>
  new HttpProblem(409, code, message, next ? { next } : {});
export const unusable = (code: string, message: string, next?: string) =>
  new HttpProblem(422, code, message, next ? { next } : {});
