import {
  type DeployConfig,
  getJson,
  Release,
  type ReleaseId,
  RepoConfig,
  terminal,
} from '@millwright/domain';
import { irreversibleText } from '@millwright/policy';
import type { Store } from '@millwright/store';
import { irreversibleBetween } from '../gates/change-facts.ts';
import type { Repositories } from '../source-control/repositories.ts';
import type { Register } from '../streams/register.ts';

type Ports = { register: Register; repositories: Repositories; store: Store };

/** What going from one release to an older one changes, a line each; shown before anything is done. */
export type Changes = { code: string[]; schema: string[]; configuration: string[] };

const MOST_COMMITS = 20;
const SCHEMA = /(^|\/)(migrations?|drizzle)\/|\.sql$|(^|\/)schema\.prisma$/;

/** Reads both releases and the repository; changes nothing. */
export async function changesBetween(factory: Ports, from: ReleaseId, to: ReleaseId): Promise<Changes> {
  const [newer, older] = await Promise.all([releaseAndConfig(factory, from), releaseAndConfig(factory, to)]);
  const repo = await factory.repositories.open(newer.repo);
  const [commits, paths, irreversible] = await Promise.all([
    repo.commits(older.release.commit, newer.release.commit, MOST_COMMITS + 1),
    repo.changed(older.release.tree, newer.release.tree),
    irreversibleBetween(repo, older.release.tree, newer.release.tree),
  ]);
  const schema = paths.map(({ path }) => path).filter((path) => SCHEMA.test(path));
  const stays = irreversibleText(irreversible);
  return {
    code: [
      ...commits.slice(0, MOST_COMMITS).map(({ commit, title }) => `out: ${commit.slice(0, 10)} ${title}`),
      ...(commits.length > MOST_COMMITS ? ['and more'] : []),
      paths.length === 1 ? '1 file differs' : `${paths.length} files differ`,
    ],
    schema: [
      ...schema.map((path) => `stays as it is: ${path}`),
      ...(stays === null
        ? schema.length > 0
          ? ['it was only expanded: the release before works with it']
          : []
        : [`cannot be taken back: ${stays}`]),
    ],
    configuration: differences(newer.config, older.config),
  };
}

async function releaseAndConfig(factory: Ports, id: ReleaseId) {
  const registered = await factory.register.look();
  const [info, run] = [registered.release(id), registered.runOf(id)];
  if (!info || !run) throw terminal('no-such-release', `there is no release ${id}`);
  const [release, { deploy }] = await Promise.all([
    getJson(factory.store.artifacts, Release, info.artifact),
    getJson(factory.store.artifacts, RepoConfig, run.config),
  ]);
  return { repo: info.repo, release, config: deploy };
}

/** `env.LOG_LEVEL: info → debug`. Secrets are names here, never values. */
export function differences(from: DeployConfig | undefined, to: DeployConfig | undefined): string[] {
  const [before, after] = [flat(from ?? {}), flat(to ?? {})];
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((key) => before.get(key) !== after.get(key))
    .sort()
    .map((key) => `${key}: ${before.get(key) ?? 'not set'} → ${after.get(key) ?? 'not set'}`);
}

function flat(value: object, prefix = ''): Map<string, string> {
  return new Map(
    Object.entries(value).flatMap(([key, part]): [string, string][] =>
      typeof part === 'object' && part !== null && !Array.isArray(part)
        ? [...flat(part, `${prefix}${key}.`)]
        : [[`${prefix}${key}`, typeof part === 'string' ? part : JSON.stringify(part)]],
    ),
  );
}
