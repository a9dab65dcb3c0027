import { rmdir } from 'node:fs/promises';
import type { GitSha } from '@millwright/domain';
import {
  type Archived,
  type ArchiveOptions,
  archiveTree,
  archiveWorkspace,
  unpackArchive,
} from './archive.ts';
import { checkout as unpackTree } from './checkout.ts';
import { connectEngine, type Engine, isAbsent, type SandboxesSettings } from './engine.ts';
import { type ExtractResult, extractChange } from './extract.ts';
import { removeTree } from './host.ts';
import { type Reaped, reap } from './reap.ts';
import { type Box, type Checkout, type OpenOptions, openBox, type Refused } from './sandbox.ts';
import { shellOf } from './shell.ts';

/** An attempt's sandbox: the narrow `Workspace` for tools, the rest for its owner. Single use. */
export type Sandbox = Pick<
  Box,
  'exec' | 'read' | 'write' | 'container' | 'ended' | 'snapshot' | 'kill' | 'destroy'
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
  /** `bundle` may be a way to get it: it is only asked for where the tree is not there yet. */
  checkout(
    bundle: Uint8Array | (() => Promise<Uint8Array>),
    tree: GitSha,
  ): Promise<{ kind: 'checkout'; checkout: Checkout } | Refused>;
  unpack(tar: Uint8Array): Promise<{ kind: 'checkout'; checkout: Checkout } | Refused>;
  /** As a sandbox's `archive`, of a tree with its dependencies in which nothing is to run. */
  archive(
    of: Pick<OpenOptions, 'run' | 'attempt' | 'checkout' | 'deps'>,
    options?: ArchiveOptions,
  ): Promise<Archived>;
  open(options: OpenOptions): Promise<{ kind: 'open'; sandbox: Sandbox } | Refused>;
  reap(live: ReadonlySet<string>): Promise<Reaped>;
  /** Destroys whatever is still open, waits for what is being removed, and removes this incarnation's own folders. */
  close(): Promise<void>;
};

/** Connects to the engine. Throws, saying what to do, when it does not answer or has not the image. */
export async function openSandboxes(settings: SandboxesSettings): Promise<Sandboxes> {
  const engine = await connectEngine(settings);
  const open = new Set<Box>();
  // Two callers who want the same tree wait for one unpacking.
  const unpacking = new Map<string, ReturnType<typeof unpackTree>>();
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

    checkout(bundle, tree) {
      const running = unpacking.get(tree) ?? unpackTree(engine, bundle, tree);
      unpacking.set(tree, running);
      return running.finally(() => unpacking.delete(tree));
    },

    unpack: (tar) => unpackArchive(engine, tar),
    archive: (of, options = {}) => archiveTree(engine, of, options),

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
          snapshot: box.snapshot,
          kill: box.kill,
          async extract(from = options.checkout) {
            await box.kill();
            return extractChange(engine, box, from);
          },
          async archive(archiveOptions = {}) {
            await box.kill();
            return archiveWorkspace(engine, box, archiveOptions);
          },
          destroy: () => engine.cleanUp(box.container, destroyed(box)),
        },
      };
    },

    reap: (live) => reap(engine, live),

    async close() {
      await Promise.all([...open].map(destroyed));
      await engine.cleanedUp();
      await removeTree(engine.folders.scratch);
      await rmdir(engine.folders.mounts);
    },
  };
}
