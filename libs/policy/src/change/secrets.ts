import { isLockfile, secretsIn } from '@millwright/domain';
import { linesOf, type PatchFile } from './patch.ts';

export type FoundSecret = { path: string; line: number; kind: string };

/** Known formats anywhere; random-looking values only where their name says secret. Lockfiles are left out: hashes are what they hold. */
export function findSecrets(files: readonly PatchFile[]): FoundSecret[] {
  return files
    .filter((file) => !isLockfile(file.path))
    .flatMap((file) =>
      linesOf(file, 'added').flatMap(({ line, text }) => {
        const kind = secretsIn(text.slice(0, 20_000), { alone: false })[0]?.kind;
        return kind === undefined ? [] : [{ path: file.path, line, kind }];
      }),
    );
}
