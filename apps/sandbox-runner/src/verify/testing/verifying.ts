import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ChangedPath,
  type GitSha,
  RepoConfig,
  RepoName,
  type TestReport,
  Ticket,
} from '@millwright/domain';
import { openSandboxes } from '@millwright/sandbox';
import { javascript } from '@millwright/toolchains';
import Docker from 'dockerode';
import { createPrepare } from '../../prepare/index.ts';
import { bundleOf, type Files } from '../../testing/snapshots.ts';
import { memoryOf } from '../base-memory.ts';
import type { Prepared } from '../run-suite.ts';
import { type Acceptance, verify } from '../verify.ts';

// For tests: one tree verified against another, in real sandboxes.

type VerifyingOptions = {
  ticket?: Partial<Ticket> | null;
  config?: Partial<RepoConfig>;
  acceptance?: Acceptance | null;
  timeoutMs?: number;
  signal?: AbortSignal;
  memory?: ReturnType<typeof memoryOf>;
  /** Trees that npm found at odds with their peers. */
  oldPeers?: { base: boolean; candidate: boolean };
};
/** `ms`: what the verdict took, its sandboxes included; `commands`: what each command ran for. */
export type Verified = {
  report: TestReport;
  ran: string[];
  ms: number;
  commands: { purpose: string; ms: number }[];
};

type Trees = { bundle: Uint8Array; trees: readonly GitSha[]; changed: readonly ChangedPath[] };

export type Verifying = {
  verify(base: Files, next: Files, options?: VerifyingOptions): Promise<Verified>;
  /** The second tree against the first. */
  verifyTrees(of: Trees, options?: VerifyingOptions): Promise<Verified>;
  close(): Promise<void>;
};

function changedBy(base: Files, next: Files): ChangedPath[] {
  return [...new Set([...Object.keys(base), ...Object.keys(next)])]
    .filter((path) => JSON.stringify(base[path]) !== JSON.stringify(next[path]))
    .map((path) => ({
      ...{ path, added: 1, removed: 1 },
      status: path in base ? (path in next ? 'modified' : 'deleted') : 'added',
    }));
}

/** Containers and volumes of a factory that are still there. */
async function leftOf(factory: string): Promise<string[]> {
  const filters = { label: [`millwright.factory=${factory}`] };
  const docker = new Docker();
  const [containers, volumes] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listVolumes({ filters }),
  ]);
  return [...containers.map(({ Names }) => Names.join()), ...volumes.Volumes.map(({ Name }) => Name)];
}

export async function openVerifying(name: string): Promise<Verifying> {
  const factory = `test-${process.pid}-${name}`;
  const data = mkdtempSync(join(tmpdir(), 'millwright-verify-'));
  const sandboxes = await openSandboxes({
    ...{ data, factory, incarnation: `${name}-${process.pid}` },
    image: process.env.MILLWRIGHT_SANDBOX_IMAGE ?? 'millwright/sandbox:latest',
  });
  const prepare = createPrepare(sandboxes, javascript.installing);
  const shared = memoryOf(null);
  const of = { run: 'run_verify00', attempt: 'att_verify00' };
  const prepared = async (bundle: Uint8Array, tree: GitSha, config: RepoConfig): Promise<Prepared> => {
    const out = await sandboxes.checkout(bundle, tree);
    if (out.kind === 'refused') throw new Error(out.reason);
    const { checkout } = out;
    const made = await prepare.layer({ ...of, repo: RepoName.parse('sum'), checkout, config });
    if (made.kind === 'failed') throw new Error(`${made.reason}\n${made.output}`);
    return { checkout, layer: made.kind === 'layer' ? made.layer : null, root: '/workspace' };
  };
  const verifying: Verifying = {
    verify: (base, next, options) =>
      verifying.verifyTrees({ ...bundleOf(base, next), changed: changedBy(base, next) }, options),
    async verifyTrees({ bundle, trees, changed }, options = {}) {
      const [baseTree, tree] = trees;
      if (baseTree === undefined || tree === undefined) throw new Error('no trees');
      const config = RepoConfig.parse(options.config ?? {});
      const commands: Verified['commands'] = [];
      const ready = {
        base: {
          ...(await prepared(bundle, baseTree, config)),
          compromise: options.oldPeers?.base === true ? 'in another way' : null,
        },
        candidate: {
          ...(await prepared(bundle, tree, config)),
          compromise: options.oldPeers?.candidate === true ? 'in another way' : null,
        },
      };
      const startedAt = performance.now();
      const report = await verify(
        { ...of, sandboxes, ran: (purpose, ms) => commands.push({ purpose, ms }) },
        options.memory ?? shared,
        {
          ...{ toolchain: javascript, config, tree, changed },
          ticket: options.ticket === null ? null : Ticket.parse({ title: 'Add faster', ...options.ticket }),
          ...{ acceptance: options.acceptance ?? null, timeoutMs: options.timeoutMs ?? 60_000 },
          ...ready,
          ...(options.signal === undefined ? {} : { signal: options.signal }),
        },
      );
      const ms = performance.now() - startedAt;
      return { report, ran: commands.map(({ purpose }) => purpose).sort(), ms, commands };
    },
    async close() {
      await sandboxes.close();
      const left = await leftOf(factory);
      rmSync(data, { recursive: true, force: true });
      if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
    },
  };
  return verifying;
}
