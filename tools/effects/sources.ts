import { globSync } from 'node:fs';

/** A file of the repository: its path from the root with `/`, and its text. */
export type SourceFile = { readonly path: string; readonly text: string };

/** Tests and what only tests use: neither is reached from code that ships. */
export function isTestFile(path: string): boolean {
  return /\.test\.m?ts$/.test(path) || path.split('/').includes('testing');
}

/** Every source file of the rooms, sorted; paths from the root. */
export function sources(root: string): readonly string[] {
  return globSync('{apps,libs,tools,bench}/**/*.{ts,mts,mjs,js}', {
    cwd: root,
    exclude: (name) => name === 'node_modules' || name === 'fixtures' || name.startsWith('.'),
  }).sort();
}
