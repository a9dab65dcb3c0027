import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { GitSha, RepoConfig, RepoName } from '@millwright/domain';
import { openSandboxes } from '@millwright/sandbox';
import { javascript } from '@millwright/toolchains';
import { z } from 'zod';
import { newIncarnation } from '../incarnation.ts';
import { createPrepare } from '../prepare/index.ts';

// Runs an eval case's hidden tests on a tree, in a sandbox of its own that no agent was in. A program: its one argument says what, as JSON; its
// one line of output says what came of it. `millwright eval` starts it.

const Asked = z.strictObject({
  /** A folder of its own, and the sandbox image. */
  data: z.string(),
  image: z.string(),
  bundle: z.string(),
  tree: GitSha,
  /** A folder whose files are laid over the tree. */
  hidden: z.string(),
  command: z.string().min(1),
  repo: RepoName,
  /** The image that the case names; the sandbox image otherwise. */
  own: z.string().optional(),
});

type HiddenAnswer =
  | { kind: 'ran'; passed: boolean; output: string; ms: number }
  | { kind: 'refused'; reason: string };

const LIMIT_MS = 10 * 60_000;
const MAX_OUTPUT = 16_384;

async function run(asked: z.infer<typeof Asked>): Promise<HiddenAnswer> {
  const sandboxes = await openSandboxes({
    ...{ data: asked.data, factory: `eval-${process.pid}`, incarnation: await newIncarnation() },
    image: asked.image,
    note: () => undefined,
  });
  try {
    const own = { run: 'eval', attempt: 'eval' };
    const out = await sandboxes.checkout(await readFile(asked.bundle), asked.tree);
    if (out.kind === 'refused') return { kind: 'refused', reason: out.reason };
    const config = RepoConfig.parse({ image: asked.own });
    const image = await sandboxes.resolveImage(asked.own);
    if (image.kind === 'refused') return { kind: 'refused', reason: image.reason };
    const { checkout } = out;
    const made = await createPrepare(sandboxes, javascript.installing).layer({
      repo: asked.repo,
      ...own,
      checkout,
      config,
    });
    if (made.kind === 'failed')
      return { kind: 'refused', reason: `${made.reason}: ${made.output.slice(-1_000)}` };
    const deps = made.kind === 'layer' ? made.layer : null;
    const opened = await sandboxes.open({ ...own, purpose: 'eval', checkout, deps, image: image.id });
    if (opened.kind === 'refused') return { kind: 'refused', reason: opened.reason };
    const { sandbox } = opened;
    for (const path of await filesIn(asked.hidden)) {
      const written = await sandbox.write(path, await readFile(join(asked.hidden, path), 'utf8'));
      if (written.kind === 'refused') return { kind: 'refused', reason: `${path}: ${written.reason}` };
    }
    const ran = await sandbox.exec(asked.command, { timeoutMs: LIMIT_MS, maxBytes: MAX_OUTPUT });
    if (ran.kind === 'gone') return { kind: 'ran', passed: false, output: ran.reason, ms: 0 };
    return {
      kind: 'ran',
      passed: ran.kind === 'exited' && ran.exitCode === 0,
      output: ran.output,
      ms: ran.ms,
    };
  } finally {
    await sandboxes.close();
  }
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

const answer: HiddenAnswer = await run(Asked.parse(JSON.parse(process.argv[2] ?? '{}'))).catch(
  (error: unknown) => ({ kind: 'refused', reason: error instanceof Error ? error.message : String(error) }),
);
process.stdout.write(`${JSON.stringify(answer)}\n`);
process.exit(0);
