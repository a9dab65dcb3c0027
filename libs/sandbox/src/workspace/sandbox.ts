import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ExecResult, Workspace } from '@millwright/domain';
import type { Container } from 'dockerode';
import {
  endOf,
  killContainer,
  processesIn,
  readProcessors,
  removeContainer,
  removeVolume,
  startContainer,
} from '../engine/container.ts';
import type { Engine } from '../engine/engine.ts';
import { baseEnv, type Box as Confined, type Mount } from '../engine/hardening.ts';
import { type Limits, limitsOf } from '../engine/limits.ts';
import { inside, readScript, writeScript } from '../tool-process/files.ts';
import { HeadTail } from '../tool-process/output.ts';
import { programsOf } from '../tool-process/programs.ts';
import { attachResident, type CallEnd } from '../tool-process/resident.ts';
import { RESIDENT_AT, shellOf } from '../tool-process/shell.ts';
import { commandsBeside } from './beside.ts';
import {
  fingerprint,
  mountUpper,
  overlayOptions,
  restoreUpper,
  tarUpper,
  type Upper,
  unmountUpper,
} from './overlay.ts';

/** A read-only folder of the host that a workspace stands on: an unpacked tree, or an unpacked release layer. */
export type Checkout = {
  readonly tree: string;
  readonly path: string;
  /** Where `path` is a view of several folders: its own, which has what differs, over another checkout. */
  readonly over?: { readonly own: string; readonly on: Checkout };
};
/** The folders that a checkout lies in, topmost first: what an overlay on it stands on. */
export const foldersOf = ({ path, over }: Checkout): string[] =>
  over === undefined ? [path] : [over.own, over.on.path];
/** Installed dependencies, laid over a checkout. `created`: the paths that the installation made. */
export type Layer = { readonly key: string; readonly path: string; readonly created: readonly string[] };
export type Refused = { kind: 'refused'; code: string; reason: string };

export type OpenOptions = {
  run: string;
  attempt: string;
  purpose: string;
  checkout: Checkout;
  deps?: Layer | null;
  /** What the checkout was made on: HEAD's parent in the workspace, and mounted read-only at `BASE_AT`. */
  base?: Checkout;
  /** An image id of `resolveImage`; the factory's own otherwise. */
  image?: string;
  /** Where the workspace is mounted and where commands start. */
  root?: '/workspace' | '/app';
  env?: Readonly<Record<string, string>>;
  limits?: Partial<Limits>;
  /** A snapshot of an earlier sandbox on the same checkout and layer. */
  restore?: Uint8Array;
};

type Snapshot =
  | { kind: 'snapshot'; tar: Uint8Array }
  | { kind: 'unchanged' }
  | { kind: 'refused'; reason: string };

/** The container and its workspace, before extraction and archiving are added (sandboxes.ts). */
export type Box = Workspace & {
  readonly container: string;
  readonly ended: Promise<{ reason: string }>;
  readonly limits: Limits;
  /** Host folders of the workspace, topmost first: what the attempt wrote, dependencies, checkout. */
  readonly lowers: { upper: string; deps: Layer | null; checkout: Checkout };
  readonly options: OpenOptions;
  snapshot(): Promise<Snapshot>;
  kill(reason?: string): Promise<void>;
  destroy(): Promise<void>;
};

/** Where the base's tree lies, for agents to compare with. */
export const BASE_AT = '/base';

/** An argument of exec can be 128 KiB at most (MAX_ARG_STRLEN): longer commands go through a file. */
const COMMAND_MAX = 120_000;
const WRITE_MAX = 8 * 1_048_576;
const READ_MAX = 32 * 1_048_576;
const FILE_TIMEOUT_MS = 30_000;

/** Opens a workspace in a container of its own. Whatever fails, nothing is left behind. Measured: 110–140 ms, of which the workspace 5. */
export async function openBox(
  engine: Engine,
  options: OpenOptions,
): Promise<{ kind: 'open'; box: Box } | Refused> {
  const asked = limitsOf(options.limits);
  if (asked.kind === 'refused') return { kind: 'refused', code: 'bad_limits', reason: asked.reason };
  const { limits } = asked;
  const image = options.image ?? engine.image;
  const shell = await shellOf(engine, image);
  if (shell.kind === 'refused') return { kind: 'refused', code: 'no_shell', reason: shell.reason };

  const name = engine.name();
  const labels = engine.labels(options);
  const root = options.root ?? '/workspace';
  const deps = options.deps ?? null;
  const upper = await mountUpper(join(engine.folders.mounts, `${options.attempt}.${name}`), limits);
  const release = () => unmountUpper(upper.mount);
  try {
    if (options.restore !== undefined) {
      const restored = await restoreUpper(upper.upper, options.restore);
      if (restored.kind === 'refused') {
        await release();
        return { kind: 'refused', code: 'bad_snapshot', reason: restored.reason };
      }
    }
    const lowers = [...(deps === null ? [] : [deps.path]), ...foldersOf(options.checkout)];
    const workspace: Mount = {
      kind: 'overlay',
      volume: `${name}-workspace`,
      target: root,
      options: overlayOptions(lowers, upper),
      readOnly: false,
      labels,
    };
    const confined: Confined = {
      image,
      command: [RESIDENT_AT, '-s'],
      workdir: root,
      env: { ...baseEnv(engine, image), SHELL: shell.shell.command, ...options.env },
      labels,
      limits,
      mounts: [
        workspace,
        { kind: 'bind', source: shell.shell.resident, target: RESIDENT_AT, readOnly: true },
        ...(options.base === undefined
          ? []
          : [{ kind: 'bind', source: options.base.path, target: BASE_AT, readOnly: true } as const]),
        { kind: 'bind', source: engine.names.hosts, target: '/etc/hosts', readOnly: true },
        { kind: 'bind', source: engine.names.resolver, target: '/etc/resolv.conf', readOnly: true },
      ],
      network: engine.loopback,
      stdin: true,
    };
    const started = await startContainer(engine, confined);
    const before = await fingerprint(upper.upper);
    return {
      kind: 'open',
      box: runningBox(engine, options, {
        ...started,
        confined,
        limits,
        upper,
        root,
        deps,
        shell: shell.shell.command,
        volume: workspace.volume,
        before,
      }),
    };
  } catch (error) {
    await release();
    throw error;
  }
}

const CLOSED = 'it was closed';
/** What the resident reports when the stream ends; the engine then knows more. */
const ENDED = 'the container ended';

async function howEnded(container: Container): Promise<string> {
  const end = await endOf(container).catch(() => null);
  if (end === null) return ENDED;
  return end.oom ? 'the container ran out of memory' : `the container ended with status ${end.exitCode}`;
}

function runningBox(
  engine: Engine,
  options: OpenOptions,
  parts: Awaited<ReturnType<typeof startContainer>> & {
    confined: Confined;
    limits: Limits;
    upper: Upper;
    root: string;
    deps: Layer | null;
    shell: '/bin/sh' | '/bin/bash';
    volume: string;
    before: string;
  },
): Box {
  const { container, stream, limits, upper, root } = parts;
  let last = parts.before;
  let cause: string | null = null;
  let killed: Promise<void> | null = null;
  let destroyed: Promise<void> | null = null;
  const ended = Promise.withResolvers<{ reason: string }>();
  const noteFailure = (error: unknown) =>
    engine.note({ kind: 'cleanup_failed', what: container.id, reason: String(error) });

  const resident = attachResident(stream, {
    interrupt: () => container.kill({ signal: 'SIGUSR1' }),
    end: (reason) => {
      kill(reason).catch(noteFailure);
    },
  });

  /** What ended it is decided by the first call; a later one tries again when the engine could not be reached. */
  const kill = (reason = CLOSED): Promise<void> => {
    killed ??= end(reason).catch((error: unknown) => {
      killed = null;
      throw error;
    });
    return killed;
  };
  const end = async (reason: string) => {
    clearTimeout(wall);
    cause ??= reason;
    stream.destroy();
    await beside.end();
    await killContainer(container);
    if (cause === ENDED) cause = await howEnded(container);
    if (cause !== CLOSED)
      engine.note({ kind: 'killed', attempt: options.attempt, container: container.id, reason: cause });
    ended.resolve({ reason: cause });
  };
  const beside = commandsBeside(engine, parts.confined, container, parts.shell);
  const wall = setTimeout(() => {
    kill(`its wall-clock limit of ${limits.wallMs} ms was reached`).catch(noteFailure);
  }, limits.wallMs);

  const whyGone = async (reason: string): Promise<string> => {
    await kill(reason).catch(noteFailure);
    return cause ?? reason;
  };

  /** A file script's whole answer; null with the reason when the sandbox is gone. */
  const ask = async (script: (word: string) => string, maxBytes: number, stdin?: string) => {
    const word = randomBytes(8).toString('hex');
    const chunks: Buffer[] = [];
    let bytes = 0;
    const end = await resident.call(script(word), {
      // The image's plain shell starts faster than bash, and these scripts are ours.
      shell: '/bin/sh',
      timeoutMs: FILE_TIMEOUT_MS,
      onOutput: (data) => {
        bytes += data.length;
        if (bytes <= maxBytes + 65_536) chunks.push(Buffer.from(data));
      },
      ...(stdin === undefined ? {} : { stdin }),
    });
    if (end.kind === 'gone')
      return { kind: 'refused' as const, reason: `the sandbox is gone: ${await whyGone(end.reason)}` };
    if (end.kind !== 'exited') return { kind: 'refused' as const, reason: 'it took too long' };
    const said = Buffer.concat(chunks);
    const at = said.indexOf(word);
    return { kind: 'answer' as const, answer: said.subarray(at < 0 ? said.length : at + word.length) };
  };

  return {
    container: container.id,
    ended: ended.promise,
    limits,
    lowers: { upper: upper.upper, deps: parts.deps, checkout: options.checkout },
    options,

    async exec(command, { timeoutMs, maxBytes, signal }): Promise<ExecResult> {
      const started = performance.now();
      const output = new HeadTail(maxBytes);
      const spent = () => Math.round((performance.now() - started) * 1_000) / 1_000;
      if (command.includes('\0'))
        return {
          kind: 'exited',
          exitCode: 126,
          output: 'a command cannot hold a NUL',
          droppedBytes: 0,
          ms: 0,
        };
      const long = Buffer.byteLength(command) > COMMAND_MAX;
      const line = long ? `cat >/tmp/.command && exec ${parts.shell} /tmp/.command </dev/null` : command;
      const own = long ? `${parts.shell} /tmp/.command` : `${parts.shell} -c ${command.split(/\s/, 1)[0]}`;
      const seen: { running?: string[] } = {};
      const end: CallEnd = await resident.call(line, {
        shell: parts.shell,
        timeoutMs,
        read: () => readProcessors(engine, container),
        onOutput: (data) => output.push(data),
        look: async () => {
          const processes = await processesIn(container);
          // The tool process alone: the command ended by itself meanwhile.
          if (processes !== null && processes.length > 1) seen.running = programsOf(processes, own);
        },
        ...(long ? { stdin: command } : {}),
        ...(signal === undefined ? {} : { signal }),
      });
      if (end.kind === 'gone') return { kind: 'gone', reason: await whyGone(end.reason) };
      if (end.kind === 'aborted') throw signal?.reason;
      const text = { ...output.text(), ms: spent() };
      return end.kind === 'timed_out'
        ? { kind: 'timed_out', ...text, ...seen }
        : { kind: 'exited', exitCode: end.exitCode, ...text };
    },

    async read(path, maxBytes) {
      const relative = inside(root, path);
      if (relative === null) return { kind: 'refused', reason: `${path} is not inside ${root}` };
      const bound = Math.min(Math.max(0, Math.floor(maxBytes)), READ_MAX);
      const got = await ask((word) => readScript(word, root, relative, bound), bound);
      if (got.kind === 'refused') return got;
      const body = got.answer.subarray(1);
      switch (String.fromCharCode(got.answer[0] ?? 0)) {
        case 'F':
          return {
            kind: 'file',
            content: body.subarray(0, bound).toString('utf8'),
            truncated: body.length > bound,
          };
        case 'D':
          return { kind: 'directory', entries: body.toString('utf8').split('\n').filter(Boolean) };
        case 'A':
          return { kind: 'absent' };
        case 'R':
          return { kind: 'refused', reason: body.subarray(0, 500).toString('utf8') };
        default:
          return { kind: 'refused', reason: 'the sandbox gave no answer' };
      }
    },

    async write(path, content) {
      const relative = inside(root, path);
      if (relative === null) return { kind: 'refused', reason: `${path} is not inside ${root}` };
      if (content.includes('\0')) return { kind: 'refused', reason: 'it holds a NUL: only text is written' };
      if (Buffer.byteLength(content) > WRITE_MAX)
        return { kind: 'refused', reason: `it is larger than ${WRITE_MAX / 1_048_576} MiB` };
      const got = await ask((word) => writeScript(word, root, relative), 4_096, content);
      if (got.kind === 'refused') return got;
      if (got.answer.toString('latin1') === 'W') return { kind: 'written' };
      return { kind: 'refused', reason: got.answer.subarray(1, 500).toString('utf8') || 'no answer' };
    },

    start: beside.start,

    async snapshot() {
      // A file that is written while it is read is no file: what runs beside stands still meanwhile.
      await using _still = await beside.still();
      try {
        const now = await fingerprint(upper.upper);
        if (now === last) return { kind: 'unchanged' };
        const made = await tarUpper(upper.upper);
        if (made.kind === 'snapshot') last = now;
        return made;
      } catch (error) {
        // Such as folders nested deeper than a path may be long: made inside, and so no fault of the runner's.
        return { kind: 'refused', reason: `the workspace cannot be kept: ${String(error)}` };
      }
    },

    kill,

    destroy() {
      destroyed ??= (async () => {
        await kill();
        await beside.remove();
        await removeContainer(container);
        await removeVolume(engine, parts.volume);
        await unmountUpper(upper.mount);
      })();
      return destroyed;
    },
  };
}
