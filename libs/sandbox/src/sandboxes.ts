import { rmdir } from 'node:fs/promises';
import type { GitSha } from '@millwright/domain';
import { type ExtractResult, extractChange } from './change/extract.ts';
import { connectEngine, type Engine, isAbsent, type SandboxesSettings } from './engine/engine.ts';
import { removeTree } from './engine/host.ts';
import { type AtWork, type Reaped, reap } from './engine/reap.ts';
import { shellOf } from './tool-process/shell.ts';
import {
  type Archived,
  type ArchiveOptions,
  archiveTree,
  archiveWorkspace,
  unpackArchive,
} from './workspace/archive.ts';
import { unpacked, checkout as unpackTree } from './workspace/checkout.ts';
import { Prefetch } from './workspace/prefetch.ts';
import { type Box, type Checkout, type OpenOptions, openBox, type Refused } from './workspace/sandbox.ts';
import { type Bundle, bundleOfBytes } from './workspace/sources.ts';
import { closeView } from './workspace/view.ts';

/** An attempt's sandbox: the narrow `Workspace` for tools, the rest for its owner. Single use. */
export type Sandbox = Pick<
  Box,
  'exec' | 'read' | 'write' | 'start' | 'container' | 'ended' | 'snapshot' | 'kill' | 'destroy'
> & {
  /** Kills, then a clean container says what changed against `from` (default: the checkout it was opened on). */
  extract(from?: Checkout): Promise<ExtractResult>;
  /** Kills, then the workspace with its dependencies, without `.git`, as a tar. 512 MiB at most by default. */
  archive(options?: ArchiveOptions): Promise<Archived>;
};

export type Sandboxes = {
  /** Image id of the factory's own image. */
  readonly image: string;
  /** For `prepare`, which makes containers of its own. */
  readonly engine: Engine;
  /** The id of an image that the engine has and that can run a shell; the factory's own when no name is given. */
  resolveImage(name?: string): Promise<{ kind: 'image'; id: string } | Refused>;
  /**
   * The bundle that holds the tree, or several, the oldest first, each standing on those before. `near`: trees that whoever sees this one may see as
   * well, and that differ little from it.
   */
  checkout(
    source: Uint8Array | readonly Bundle[],
    tree: GitSha,
    near?: readonly GitSha[],
  ): Promise<{ kind: 'checkout'; checkout: Checkout } | Refused>;
  /** A tree that was unpacked here before, by whichever way. */
  unpacked(tree: GitSha): Promise<Checkout | null>;
  unpack(tar: Uint8Array): Promise<{ kind: 'checkout'; checkout: Checkout } | Refused>;
  /** As a sandbox's `archive`, of a tree with its dependencies in which nothing is to run. */
  archive(
    of: Pick<OpenOptions, 'run' | 'attempt' | 'checkout' | 'deps'>,
    options?: ArchiveOptions,
  ): Promise<Archived>;
  /** Begins an archive that will most likely be asked for within a minute. One at a time; nothing is to be waited for, nothing fails. */
  archiveAhead(of: Pick<OpenOptions, 'run' | 'attempt' | 'checkout' | 'deps'>): void;
  open(options: OpenOptions): Promise<{ kind: 'open'; sandbox: Sandbox } | Refused>;
  reap(live: ReadonlySet<string>, atWork?: AtWork): Promise<Reaped>;
  /** Destroys whatever is still open, waits for what is being removed, and removes this incarnation's own folders. */
  close(): Promise<void>;
};

/** What is archived ahead of being asked for stays in memory: for so long (milliseconds), and no more than so many bytes. */
const AHEAD_MS = 60_000;
const AHEAD_BYTES = 64 * 1_048_576;
/** Equal folders are equal bytes, whichever attempt they are archived for. */
const foldersOf = ({ checkout, deps }: Pick<OpenOptions, 'checkout' | 'deps'>) =>
  JSON.stringify([checkout.path, deps?.path ?? null]);

/** Connects to the engine. Throws, saying what to do, when it does not answer or has not the image. */
export async function openSandboxes(settings: SandboxesSettings): Promise<Sandboxes> {
  const engine = await connectEngine(settings);
  const open = new Set<Box>();
  // Two callers who want the same tree wait for one unpacking.
  const unpacking = new Map<string, ReturnType<typeof unpackTree>>();
  const ahead = new Prefetch<Archived>(AHEAD_MS, ({ kind }) => kind === 'archive');
  const destroyed = async (box: Box) => {
    await box.destroy();
    open.delete(box);
  };

  return {
    image: engine.image,
    engine,

    async resolveImage(name) {
      const image =
        name === undefined
          ? { Id: engine.image }
          : await engine.docker
              .getImage(name)
              .inspect()
              .catch((error: unknown) => {
                if (isAbsent(error)) return null;
                throw error;
              });
      if (image === null)
        return {
          kind: 'refused',
          code: 'no_image',
          reason: `the engine has no image ${name}; pull it or build it there`,
        };
      const shell = await shellOf(engine, image.Id);
      return shell.kind === 'shell'
        ? { kind: 'image', id: image.Id }
        : { kind: 'refused', code: 'no_shell', reason: shell.reason };
    },

    checkout(source, tree, near = []) {
      const others = near.filter((one) => one !== tree);
      const bundles = source instanceof Uint8Array ? [bundleOfBytes(source)] : source;
      const unpack = async () => {
        await Promise.allSettled(others.map((one) => unpacking.get(one)));
        return unpackTree(engine, bundles, tree, others);
      };
      const running = unpacking.get(tree) ?? unpack();
      unpacking.set(tree, running);
      return running.finally(() => unpacking.delete(tree));
    },

    unpacked: (tree) => unpacked(engine, tree),
    unpack: (tar) => unpackArchive(engine, tar),
    async archive(of, options = {}) {
      const made = options.exclude === undefined ? await ahead.take(foldersOf(of)) : null;
      const fits = made?.kind === 'archive' && made.tar.length <= (options.maxBytes ?? made.tar.length);
      return fits ? made : archiveTree(engine, of, options);
    },
    archiveAhead: (of) =>
      ahead.begin(foldersOf(of), () => archiveTree(engine, of, { maxBytes: AHEAD_BYTES })),

    async open(options) {
      const opened = await openBox(engine, options);
      if (opened.kind === 'refused') return opened;
      const { box } = opened;
      open.add(box);
      return {
        kind: 'open',
        sandbox: {
          container: box.container,
          ended: box.ended,
          exec: box.exec,
          read: box.read,
          write: box.write,
          start: box.start,
          snapshot: box.snapshot,
          kill: box.kill,
          extract: (from = options.checkout) => extractChange(engine, box, from),
          async archive(archiveOptions = {}) {
            await box.kill();
            return archiveWorkspace(engine, box, archiveOptions);
          },
          async destroy() {
            // Dead before its caller goes on, who may say that nothing runs any more; only the removal goes on behind it.
            const killed = box.kill();
            const removal = killed.then(() => destroyed(box));
            await Promise.allSettled([killed]);
            await engine.cleanUp(box.container, removal);
          },
        },
      };
    },

    reap: (live, atWork) => reap(engine, live, atWork),

    async close() {
      await ahead.over();
      await Promise.all([...open].map(destroyed));
      await engine.cleanedUp();
      await removeTree(engine.folders.scratch);
      for (const name of [...engine.views.keys()]) await closeView(engine, name);
      await rmdir(engine.folders.mounts);
    },
  };
}
