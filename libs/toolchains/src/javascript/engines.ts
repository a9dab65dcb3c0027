import semver from 'semver';
import type { TreeFiles } from '../toolchain.ts';

/** Release lines of Node by the names that .nvmrc files use, https://github.com/nodejs/Release. */
const LTS: Readonly<Record<string, number>> = { gallium: 16, hydrogen: 18, iron: 20, jod: 22, krypton: 24 };

/** See `Toolchain.unfit`: `engines` of package.json, else .nvmrc, .node-version or .tool-versions. */
export async function unfit(runtime: string, base: TreeFiles): Promise<string | null> {
  const version = semver.coerce(runtime);
  if (version === null) return null;
  const engines = rangeIn((await base.read('package.json')) ?? '');
  if (engines !== null && semver.validRange(engines) !== null && !semver.satisfies(version, engines))
    return `package.json asks for Node ${engines} (engines); the sandbox has ${version.version}`;
  for (const file of ['.nvmrc', '.node-version', '.tool-versions']) {
    const text = await base.read(file);
    const major = text === null ? null : majorIn(text);
    if (major !== null && major !== version.major)
      return `${file} asks for Node ${major}; the sandbox has ${version.version}`;
  }
  return null;
}

function rangeIn(manifest: string): string | null {
  try {
    const { engines } = JSON.parse(manifest) as { engines?: { node?: unknown } };
    return typeof engines?.node === 'string' ? engines.node : null;
  } catch {
    return null; // Not JSON: it says nothing.
  }
}

function majorIn(text: string): number | null {
  const line = /^(?:nodejs?\s+)?v?(\d+|lts\/\w+)/m.exec(text.trim())?.[1];
  if (line === undefined) return null;
  return /^\d/.test(line) ? Number(line) : (LTS[line.slice('lts/'.length)] ?? null);
}
