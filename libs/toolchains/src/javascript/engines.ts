import semver from 'semver';
import type { TreeFiles } from '../toolchain.ts';
import { NODE_FILES, nodeAsked } from './node-asked.ts';

/** See `Toolchain.unfit`. */
export async function unfit(runtime: string, base: TreeFiles): Promise<string | null> {
  const version = semver.coerce(runtime);
  if (version === null) return null;
  const texts = await Promise.all(
    NODE_FILES.map(async (file) => [file, (await base.read(file)) ?? ''] as const),
  );
  const asked = nodeAsked(new Map(texts)).find(
    ({ range }) => semver.validRange(range) !== null && !semver.satisfies(version, range),
  );
  if (asked === undefined) return null;
  const where = asked.how === null ? '' : ` (${asked.how})`;
  return `${asked.file} asks for Node ${asked.range}${where}; the sandbox has ${version.version}`;
}
