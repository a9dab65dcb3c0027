import type { Problem } from '@millwright/domain';

/** A problem on its way to the person who asked: `main.ts` prints it and exits with its code. Nothing else catches it. */
export class Fail extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.message);
    this.name = 'Fail';
    this.problem = problem;
  }
}

/** Exit code 2: the command line is wrong. */
export const usage = (message: string, next?: string) =>
  new Fail({ code: 'usage', message, exitCode: 2, ...(next === undefined ? {} : { next }) });

/** Exit code 1: asked for rightly, and it did not work. */
export const failed = (code: string, message: string, more: { kept?: string; next?: string } = {}) =>
  new Fail({ code, message, exitCode: 1, ...more });

export const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** The `code` of a system error (`ENOENT`, `EADDRINUSE`, …). */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
