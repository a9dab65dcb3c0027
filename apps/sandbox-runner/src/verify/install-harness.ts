import { randomBytes } from 'node:crypto';
import type { Sandbox } from '@millwright/sandbox';
import { type HarnessMode, quote, type Toolchain } from '@millwright/toolchains';
import { type HarnessPlan, packPlan } from './harness-plan.ts';
import { readSession, type Session } from './report.ts';

const MAX_REPORT = 64 * 1024 * 1024;
const INSTALL_MS = 60_000;

/** Our things inside a sandbox: the runner's report, keys, what was changed in the workspace. */
export type InstalledHarness = {
  kind: 'installed';
  /** The version of what runs the tree's code, where the toolchain could tell. */
  runtime: string | null;
  /** Where our files lie in the container. */
  folder: string;
  /** What a shell runs: the command in the environment of a developer's own. */
  launch(script: string): string;
  /** The reports written so far, in the order in which their processes started. */
  sessions(): Promise<Session[]>;
  /** Whether more processes wanted to report than there were keys. The tree's own code could hide it: it is a hint, not a proof. */
  more(): Promise<boolean>;
  /** How many steps of the command left their mark, from the first on. The tree's own code could have left it. */
  passed(): Promise<number | null>;
};

export type InstallOptions = {
  toolchain: Toolchain;
  mode: HarnessMode;
  root: string;
  /** All that the command is known to start. */
  command: string;
  plan: HarnessPlan;
  /** How many processes may report. */
  keys: number;
  signal?: AbortSignal;
};

/** Puts everything in place before any code of the tree has run there. */
export async function installHarness(
  sandbox: Pick<Sandbox, 'exec' | 'write'>,
  { toolchain, mode, root, command, plan, keys: count, signal: given }: InstallOptions,
): Promise<InstalledHarness | { kind: 'lost'; reason: string }> {
  const signal = given === undefined ? {} : { signal: given };
  const keys = Array.from({ length: mode === 'plain' ? 0 : count }, () => randomBytes(32));
  const folder = `/tmp/${randomBytes(9).toString('hex')}`;
  const parcel = `.${randomBytes(9).toString('hex')}`;
  const harness = await toolchain.harness({ folder, root, mode, command });
  const written = await sandbox.write(parcel, await packPlan(plan, harness, keys));
  if (written.kind === 'refused') return { kind: 'lost', reason: written.reason };
  const installed = await sandbox.exec(
    `mkdir ${folder} && base64 -d ${parcel} | tar -xzf - -C ${folder} && rm ${parcel} && /bin/sh ${folder}/apply.sh ${folder}`,
    { timeoutMs: INSTALL_MS, maxBytes: 4_096, ...signal },
  );
  if (installed.kind !== 'exited' || installed.exitCode !== 0)
    return { kind: 'lost', reason: installed.kind === 'gone' ? installed.reason : installed.output };

  return {
    ...{ kind: 'installed', folder, runtime: /^runtime (\S+)/m.exec(installed.output)?.[1] ?? null },
    launch: (script) => launch(script, `${root}/${toolchain.programs}`, root, harness.path),
    async sessions() {
      const sessions: Session[] = [];
      for (const [index, key] of keys.entries()) {
        // A key that was taken has a report; that it lies there no more is a report destroyed.
        const report = await sandbox.exec(
          `if [ -e ${folder}/key-${index} ]; then exit 3; fi; cat ${folder}/report-${index}`,
          { timeoutMs: INSTALL_MS, maxBytes: MAX_REPORT, ...signal },
        );
        if (report.kind === 'exited' && report.exitCode === 3) break;
        sessions.push(
          report.kind !== 'exited' || report.exitCode !== 0
            ? { kind: 'forged', why: 'the report is gone' }
            : report.droppedBytes > 0
              ? { kind: 'forged', why: `the report is larger than ${MAX_REPORT} bytes` }
              : readSession(report.output, key),
        );
      }
      return sessions;
    },
    async passed() {
      const count = `n=0; while [ -e ${folder}/step-$((n + 1)) ]; do n=$((n + 1)); done; echo $n`;
      const options = { timeoutMs: INSTALL_MS, maxBytes: 1_024, ...signal };
      const counted = await sandbox.exec(count, options);
      const text = counted.kind === 'exited' ? counted.output.trim() : '';
      return /^\d+$/.test(text) ? Number(text) : null;
    },
    async more() {
      const options = { timeoutMs: INSTALL_MS, maxBytes: 1_024, ...signal };
      const absent = await sandbox.exec(`[ ! -e ${folder}/more ]`, options);
      return absent.kind !== 'exited' || absent.exitCode !== 0;
    },
  };
}

// The system's programs come first, the workspace's last: a tree, or a package, brings no `sh` and no `cp` of its own. What stands before
// them is ours, and only where the command asks for a runner that is started in no other way.
function launch(script: string, programs: string, root: string, shim: string | null): string {
  return [
    `export INIT_CWD=${root}`,
    `export PATH=${shim === null ? '' : `${shim}:`}"$PATH":${programs}`,
    `exec /bin/sh -c ${quote(script)}`,
  ].join('\n');
}
