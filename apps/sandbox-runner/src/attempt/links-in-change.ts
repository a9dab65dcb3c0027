import type { RepoConfig } from '@millwright/domain';
import type { Toolchain, TreeFiles } from '@millwright/toolchains';

/**
 * The first link of a change that stands where the base's test command, its configuration or what these load is found by name, or where a folder
 * of that was; null where there is none. Tests of this change could be run without it; what it leads to would decide about every later one.
 */
export async function linkAtConfiguration(
  toolchain: Toolchain,
  config: Pick<RepoConfig, 'test'>,
  base: TreeFiles,
  links: readonly string[],
): Promise<string | null> {
  if (links.length === 0) return null;
  const command = await toolchain.testCommand(config, base);
  const there = new Set(base.paths);
  // Also what is loaded where it is there, and this change adds.
  const withLinks: TreeFiles = {
    paths: [...new Set([...base.paths, ...links])],
    read: async (path) => (there.has(path) ? base.read(path) : null),
  };
  const loaded = command.kind === 'none' ? [] : await toolchain.loadedBy(command, withLinks);
  const names = [...base.paths.filter(toolchain.isReadByName), ...loaded.map(({ path }) => path)];
  return (
    links.find(
      (link) =>
        toolchain.isReadByName(link) || names.some((name) => name === link || name.startsWith(`${link}/`)),
    ) ?? null
  );
}
