import type { SetupTrouble } from '@millwright/api';
import type { GitSha, RepoConfig, RepoName } from '@millwright/domain';
import type { Store } from '@millwright/store';
import { javascript, type LookedSetup } from '@millwright/toolchains';
import { z } from 'zod';
import type { Elsewhere } from './elsewhere.ts';
import type { FoundFile } from './repository.ts';

// What cannot work as a repository stands: told when it is added, by `doctor` and at the start gate, before an agent is paid for.

/** What of a repository is looked at: what its toolchain asks about, what is not in it, its secrets that have a value, its name. */
export type Looked = LookedSetup & { elsewhere: Elsewhere; secrets: ReadonlySet<string>; repo: string };

/** What no act does. */
const byHand = (hint: string) => ({ hint, acts: [] });

/** Pure; in the order in which they should be mended. */
export function setupTroubles(look: Looked): SetupTrouble[] {
  return [
    ...services(look),
    ...notInTree(look),
    ...javascript.setup.troubles(look).map(({ fix, ...one }) => ({ ...one, fix: byHand(fix) })),
    ...secrets(look),
  ];
}

function services({ config }: Looked): SetupTrouble[] {
  if (config.services.length === 0) return [];
  return [
    {
      code: 'services',
      text: `services (${config.services.join(', ')}) are not supported: no stage of a run would start`,
      fix: byHand(
        'remove services from millwright.yaml on its branch, and let the tests that need them skip themselves',
      ),
      blocks: true,
    },
  ];
}

/** Stages get the repository's own objects and reach nothing else: they would build and test without these files. */
function notInTree({ elsewhere: { submodules, lfs } }: Looked): SetupTrouble[] {
  const none = 'not supported: no stage of a run would have';
  return [
    ...(submodules.length === 0
      ? []
      : [
          {
            code: 'submodules',
            text: `submodules (${some(submodules)}) are ${none} their files`,
            fix: byHand('commit their files in their place on its branch, or depend on them as packages'),
            blocks: true,
          },
        ]),
    ...(lfs.length === 0
      ? []
      : [
          {
            code: 'lfs',
            text: `files in Git LFS (${some(lfs)}) are ${none} more of them than their pointers`,
            fix: byHand(
              'take them out of Git LFS on its branch (git lfs migrate export), or keep them elsewhere and let the tests that need them skip themselves',
            ),
            blocks: true,
          },
        ]),
  ];
}

const some = (paths: readonly string[]): string =>
  `${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ` and ${paths.length - 3} more` : ''}`;

function secrets({ config, secrets: set, repo }: Looked): SetupTrouble[] {
  return (config.deploy?.secrets ?? [])
    .filter((name) => !set.has(name))
    .map((name) => ({
      code: 'missing-secret',
      text: `deploy.secrets names ${name}, which has no value: a release could not be started`,
      fix: { acts: [{ act: 'set-secret' as const, name, repo }] },
      blocks: true,
    }));
}

/** The files of a repository that are looked at. */
type Files = {
  elsewhere(tree: GitSha): Promise<Elsewhere>;
  rootFiles(tree: GitSha): Promise<string[]>;
  file(tree: GitSha, path: string, maxBytes: number): Promise<FoundFile>;
};

/** What is known beside the repository. `modelKey` null: this factory does not know whether its runners have one. */
export type Known = {
  secrets: { names(repo: RepoName): Promise<string[]> };
  modelKey: boolean | null;
  store: Pick<Store, 'notes'>;
};

const MANIFEST_BYTES = 1_048_576;

/** What cannot work for runs of this repository on this tree. The sandbox image has the Node that runs the factory. */
export async function troublesOf(
  { secrets, modelKey, store }: Known,
  files: Files,
  repo: RepoName,
  { tree, config }: { tree: GitSha; config: RepoConfig },
): Promise<SetupTrouble[]> {
  const [unasked, elsewhere, paths, names, ...read] = await Promise.all([
    unaskedRoles(store),
    files.elsewhere(tree),
    files.rootFiles(tree),
    secrets.names(repo),
    ...javascript.setup.files.map(async (file) => ({
      file,
      found: await files.file(tree, file, MANIFEST_BYTES),
    })),
  ]);
  const found = setupTroubles({
    config,
    repo,
    elsewhere,
    paths: new Set(paths),
    texts: new Map(
      read.flatMap(({ file, found }) => (found.kind === 'file' ? [[file, found.text] as const] : [])),
    ),
    secrets: new Set(names),
    runtime: process.versions.node,
  });
  return [...(modelKey === false ? [NO_MODEL_KEY] : unasked), ...found];
}

/** A note of the runners on a model, a setting of models, or all models of a role. */
export const ModelNote = z.object({ ok: z.boolean(), roles: z.array(z.string()), detail: z.string() });

/** Roles that no model answers for, as the runners found out: a key that is wrong, without credit, or not for the model; a name that is none. */
export async function unaskedRoles({ notes }: Known['store']): Promise<SetupTrouble[]> {
  const said = (await notes.list('model-role/')).map(({ text }) => ModelNote.parse(JSON.parse(text)));
  const details = [...new Set(said.map(({ detail }) => detail))];
  return details.map((detail) => {
    const roles = said.filter((one) => one.detail === detail).flatMap((one) => one.roles);
    return {
      code: 'no-model',
      text: `no model can be asked for ${roles.join(', ')}: ${detail}`.slice(0, 1_000),
      fix: byHand(
        'mend what is named there; where that is a setting, stop the factory with Ctrl-C, set it, and: npm start',
      ),
      blocks: true,
    };
  });
}

export const NO_MODEL_KEY: SetupTrouble = {
  code: 'no-model-key',
  text: 'the factory was started without a key for its model: no agent can be asked anything',
  fix: byHand('stop it with Ctrl-C, then: export ANTHROPIC_API_KEY=… and npm start'),
  blocks: true,
};

/** In one sentence, for a gate's reason: each with what mends it, where that is in words. */
export const blockedBy = (troubles: readonly SetupTrouble[]): string =>
  troubles
    .filter((one) => one.blocks)
    .map(({ text, fix: { hint } }) => (hint === undefined ? text : `${text}; ${hint}`))
    .join('. ');
