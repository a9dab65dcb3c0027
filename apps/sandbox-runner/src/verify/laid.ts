import { randomBytes } from 'node:crypto';
import type { Sandbox } from '@millwright/sandbox';
import { quote } from './command.ts';
import { type Laying, packLaying } from './lay.ts';
import { readSession, type Session } from './report.ts';

/** `observe`: report names. `canary`: besides, no step ends a command of several. `acceptance`: report how a check's process ended. */
export type Mode = 'observe' | 'canary' | 'acceptance';

const MAX_REPORT = 64 * 1024 * 1024;
const LAY_MS = 60_000;

/** Our things inside a sandbox: reporters, keys, what was changed in the workspace. */
export type Laid = {
  kind: 'laid';
  /** What a shell runs so that node programs of `script` pass through our hook. */
  launch(script: string, mode: Mode): string;
  /** The reports written so far, in the order in which their processes started. */
  sessions(): Promise<Session[]>;
  /** Whether more processes wanted to report than there were keys. The tree's own code could hide it: it is a hint, not a proof. */
  more(): Promise<boolean>;
};

/** Lays everything before any code of the tree has run there. `keys` bounds how many processes may report. */
export async function layInto(
  sandbox: Pick<Sandbox, 'exec' | 'write'>,
  options: { root: string; laying: Laying; keys: number; signal?: AbortSignal },
): Promise<Laid | { kind: 'lost'; reason: string }> {
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const keys = Array.from({ length: options.keys }, () => randomBytes(32));
  const folder = `/tmp/${randomBytes(9).toString('hex')}`;
  const parcel = `.${randomBytes(9).toString('hex')}`;
  const written = await sandbox.write(parcel, await packLaying(options.laying, keys));
  if (written.kind === 'refused') return { kind: 'lost', reason: written.reason };
  const laid = await sandbox.exec(
    `mkdir ${folder} && base64 -d ${parcel} | tar -xzf - -C ${folder} && rm ${parcel} && sh ${folder}/apply.sh ${folder}`,
    { timeoutMs: LAY_MS, maxBytes: 4_096, ...signal },
  );
  if (laid.kind !== 'exited' || laid.exitCode !== 0)
    return { kind: 'lost', reason: laid.kind === 'gone' ? laid.reason : laid.output };

  return {
    kind: 'laid',
    launch: (script, mode) => launch(script, options.root, folder, mode),
    async sessions() {
      const sessions: Session[] = [];
      for (const [index, key] of keys.entries()) {
        // A key that was taken has a report; that it lies there no more is a report destroyed.
        const report = await sandbox.exec(
          `if [ -e ${folder}/key-${index} ]; then exit 3; fi; cat ${folder}/report-${index}`,
          { timeoutMs: LAY_MS, maxBytes: MAX_REPORT, ...signal },
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
    async more() {
      const options = { timeoutMs: LAY_MS, maxBytes: 1_024, ...signal };
      const absent = await sandbox.exec(`[ ! -e ${folder}/more ]`, options);
      return absent.kind !== 'exited' || absent.exitCode !== 0;
    },
  };
}

// CI keeps vitest from watching and jest from writing snapshots. The shim comes first, so that programs find our node.
function launch(script: string, root: string, folder: string, mode: Mode): string {
  return [
    `unset NO_COLOR; export MILLWRIGHT_NODE="$(command -v node || true)"`,
    `export MILLWRIGHT_FOLDER=${folder} MILLWRIGHT_ROOT=${root} MILLWRIGHT_MODE=${mode} CI=1 INIT_CWD=${root}`,
    `export PATH=${folder}/bin:${root}/node_modules/.bin:"$PATH"`,
    `exec sh -c ${quote(script)}`,
  ].join('\n');
}
