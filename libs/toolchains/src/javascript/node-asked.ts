// What a tree's own files ask of Node and of the program that installs its dependencies. Pure: texts in, ranges and names out.

/** `range` is one of semver; `how` names the place in the file, where it has several. */
export type NodeAsked = { file: string; how: string | null; range: string };

/** Files whose whole content is a version of Node, or lines of which one is. */
const VERSION_FILES = ['.nvmrc', '.node-version', '.tool-versions'] as const;
export const NODE_FILES = ['package.json', ...VERSION_FILES] as const;

/** Release lines of Node by the names that .nvmrc files use, https://github.com/nodejs/Release. */
const LTS: Readonly<Record<string, number>> = { gallium: 16, hydrogen: 18, iron: 20, jod: 22, krypton: 24 };

/** Everything that they ask, `package.json` first; of a pinned version its major number, since those after it are meant to fit. */
export function nodeAsked(texts: ReadonlyMap<string, string>): NodeAsked[] {
  const { engines, volta } = manifestIn(texts.get('package.json'));
  const pinned = majorIn(textAt(volta, 'node') ?? '');
  const range = textAt(engines, 'node');
  return [
    ...(range === null ? [] : [{ file: 'package.json', how: 'engines', range }]),
    ...(pinned === null ? [] : [{ file: 'package.json', how: 'volta', range: pinned }]),
    ...VERSION_FILES.flatMap((file) => {
      const major = majorIn(texts.get(file) ?? '');
      return major === null ? [] : [{ file, how: null, range: major }];
    }),
  ];
}

/** The package manager that a manifest pins, as `pnpm 9.1.0`; null where that is npm, or none. */
export function managerAsked(manifest: string): { name: string; how: string } | null {
  const { packageManager, volta } = manifestIn(manifest);
  const [name, version] = (typeof packageManager === 'string' ? packageManager : '').split(/[@+]/);
  if (name !== undefined && /^(pnpm|yarn|bun)$/.test(name))
    return { name: version === undefined ? name : `${name} ${version}`, how: 'packageManager' };
  for (const one of ['pnpm', 'yarn']) {
    const pinned = textAt(volta, one);
    if (pinned !== null) return { name: `${one} ${pinned}`, how: 'volta' };
  }
  return null;
}

function manifestIn(text: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse((text ?? '').replace(/^\uFEFF/, ''));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {}; // It says nothing; who installs finds it, with the line.
    throw error;
  }
}

function textAt(value: unknown, key: string): string | null {
  const found = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : null;
  return typeof found === 'string' && found.length <= 200 ? found : null;
}

function majorIn(text: string): string | null {
  const line = /^(?:nodejs?[ \t]+)?v?(\d{1,4}|lts\/[a-z]+)/im.exec(text.slice(0, 65_536).trim())?.[1];
  if (line === undefined || /^\d/.test(line)) return line ?? null;
  return LTS[line.slice('lts/'.length).toLowerCase()]?.toString() ?? null;
}
