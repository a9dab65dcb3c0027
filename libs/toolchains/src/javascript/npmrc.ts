// A repository's `.npmrc` where its tree may run nothing during an installation. Many of npm's keys name programs and files that it runs or
// writes (`git`, `script-shell`, `node-options`, `globalconfig`, `cafile`, `cache`, …), and others come: so a list of what may stay.

/** Which versions are chosen, and how they are laid out; nothing that names a program, a file or an address. */
const KEPT = new Set([
  'before',
  'engine-strict',
  'force',
  'include',
  'install-links',
  'install-strategy',
  'legacy-bundling',
  'legacy-peer-deps',
  'min-release-age',
  'omit',
  'optional',
  'prefer-dedupe',
  'production',
  'strict-peer-deps',
  // pnpm's, which reads the same file.
  'auto-install-peers',
  'hoist',
  'hoist-pattern',
  'node-linker',
  'public-hoist-pattern',
  'resolution-mode',
  'shamefully-hoist',
  'strict-peer-dependencies',
]);
/** A line is at most so long, and no value refers to the environment. */
const VALUE = /^[\w@./*:!, "'-]{0,200}$/;

/** The lines of an `.npmrc` (ini, as npm reads it) that may stay. Pure. */
export function reducedNpmrc(text: string): string {
  const kept = text.split(/\r?\n/).flatMap((line) => {
    const [, key = '', value = 'true'] = /^\s*([A-Za-z-]+)(?:\[\])?\s*(?:=\s*(.*?)\s*)?$/.exec(line) ?? [];
    return KEPT.has(key) && VALUE.test(value) ? [line.trim()] : [];
  });
  return kept.map((line) => `${line}\n`).join('');
}
