import type { Act, ExitCode } from '@millwright/api';

/** A problem shown to a person: what happened, what was kept, the exact next command; and where the factory told of it, its acts. */
export type Problem = {
  code: string;
  message: string;
  kept?: string;
  next?: string;
  acts?: readonly Act[];
  exitCode: ExitCode;
};

/** A problem on its way to the person who asked: `main.ts` prints it and exits with its code. */
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

const FILE_TROUBLES: Record<string, string> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of that path is no folder',
  EISDIR: 'that is a folder',
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EROFS: 'that file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is reached',
  ENAMETOOLONG: 'that name is too long',
};

/** A path that a person gave and that cannot be read or written, said as such: it is no fault of the CLI. */
export function fileTrouble(error: unknown): Fail | null {
  if (!(error instanceof Error) || !('code' in error) || !('path' in error)) return null;
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  const why = FILE_TROUBLES[code ?? ''];
  if (why === undefined) return null;
  const reads = syscall === 'stat' || syscall === 'read' || syscall === 'scandir';
  return failed('file', `${path} cannot be ${reads ? 'read' : 'opened or written'}: ${why}`, {
    next: 'give a path that is there and that this user may use',
  });
}
