import { mkdtemp, open, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GitSha, retryable } from '@millwright/domain';
import { identity } from '../source-control/identity.ts';
import type { Repository } from '../source-control/repository.ts';

/** Where signed checkpoints are put for others to keep: whoever holds one notices a trail that no longer goes on from it. */
export type Place = {
  name: string;
  /** What was put there last, by whomever; null: nothing. */
  latest(): Promise<string | null>;
  put(note: string, size: number, atMs: number): Promise<void>;
};

/** As the database has it. Bytes. */
const MAX_NOTE = 16_384;

/** The file holds the newest checkpoint, whole at any moment. */
export const fileAt = (path: string): Place => ({
  name: `file ${path}`,
  latest: async () => {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    }
  },
  put: async (note) => {
    const part = `${path}.part`;
    const file = await open(part, 'w', 0o644);
    try {
      await file.writeFile(note);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  },
});

/**
 * A branch of its own, a commit a checkpoint, each on the one before: what was published can be taken away, not exchanged unseen. A branch
 * that somebody else has moved is left alone.
 */
export const branchOf = (repository: () => Promise<Repository>, branch: string): Place => ({
  name: `branch ${branch}`,
  latest: async () => {
    // In a copy of its own: what others made is not taken for ours by lying among our commits.
    const folder = await mkdtemp(join(tmpdir(), 'millwright-published-'));
    try {
      const apart = await (await repository()).apart(folder, branch);
      const tip = await apart.fetch();
      if ('kind' in tip && (tip.code === 'no-branch' || tip.code === 'empty')) return null;
      if ('kind' in tip) throw retryable('not-read', tip.reason);
      const found = await apart.file(tip.tree, 'checkpoint', MAX_NOTE);
      return found.kind === 'file' ? found.text : null;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  put: async (note, size, atMs) => {
    const repo = await repository();
    const { git } = repo;
    const head = await repo.remoteHead(branch);
    if (head !== null && (await git.ask(['cat-file', '-e', head], [0, 1])).exitCode === 1)
      throw retryable(
        'branch-not-ours',
        `${branch} has commits that this factory did not make: choose another branch`,
      );
    const blob = await git.text(['hash-object', '-w', '--stdin'], { input: Buffer.from(note) });
    const tree = await git.text(['mktree'], { input: Buffer.from(`100644 blob ${blob}\tcheckpoint\n`) });
    const commit = (await git.text(
      ['commit-tree', tree, ...(head === null ? [] : ['-p', head]), '-m', `Checkpoint of ${size} entries`],
      {
        env: identity(atMs),
      },
    )) as GitSha;
    await git.must(['update-ref', `refs/millwright/${commit}`, commit]); // kept from being collected
    const pushed =
      head === null ? await repo.pushBranch(commit, branch) : await repo.push(commit, head, branch);
    if (pushed.kind !== 'pushed') throw retryable('not-published', pushed.reason);
  },
});
