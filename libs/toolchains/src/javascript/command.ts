import type { RepoConfig } from '@millwright/domain';
import { z } from 'zod';
import type { TestCommand } from '../toolchain.ts';
import { chainOf, marked, marking } from './chain.ts';

/** What is read of a package.json; everything else in it is left alone. Never trusted beyond its shape. */
const Manifest = z.object({
  name: z.string().optional().catch(undefined),
  version: z.string().optional().catch(undefined),
  scripts: z.record(z.string(), z.string().catch('')).optional().catch(undefined),
});
export type Manifest = z.infer<typeof Manifest>;

/** Null for text that is no JSON object: such a package.json counts as none. */
export function parseManifest(text: string | null): Manifest | null {
  if (text === null) return null;
  try {
    const parsed = Manifest.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null; // Not JSON: npm could not read it either.
  }
}

export const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * The test command as the base has it: `test` of the repository's file (which the factory reads from the default branch), else the
 * test script of the base's package.json, with its pre and post scripts. npm itself is skipped there: it costs 200 ms and would put its own
 * folders first on PATH.
 */
export function testCommand(
  config: Pick<RepoConfig, 'test'>,
  base: Manifest | null,
): { kind: 'none' } | Omit<Extract<TestCommand, { kind: 'command' }>, 'starts'> {
  const script = base?.scripts?.test?.trim() ?? '';
  const placeholder = script === '' || script.includes('no test specified');
  const own = config.test?.trim();
  if (own !== undefined && !(/^npm (t|test|run test|run-script test)$/.test(own) && !placeholder))
    return {
      ...{ kind: 'command', text: own, script: own, steps: chainOf(own) },
      following: (folder) => marked(chainOf(own), 1, folder),
    };
  if (placeholder) return { kind: 'none' };
  const scripts = ['pretest', 'test', 'posttest']
    .map((name) => base?.scripts?.[name]?.trim() ?? '')
    .filter((text) => text !== '');
  const chains = scripts.map(chainOf);
  const env = [
    'npm_lifecycle_event=test',
    `npm_lifecycle_script=${quote(script)}`,
    `npm_package_name=${quote(base?.name ?? '')}`,
    `npm_package_version=${quote(base?.version ?? '')}`,
  ].join(' ');
  const all = (lines: readonly string[]) => `export ${env}\n${lines.join(' &&\n')}`;
  const shell = (text: string) => `/bin/sh -c ${quote(text)}`;
  return {
    ...{ kind: 'command', text: scripts.join(' && '), script: all(scripts.map(shell)) },
    steps: chains.flat(),
    following(folder) {
      let steps = 0;
      const lines = chains.flatMap((chain) => {
        const line = shell(marked(chain, steps + 1, folder));
        steps += chain.length;
        return [line, marking(steps, folder)];
      });
      return all(lines.slice(0, -1));
    },
  };
}
