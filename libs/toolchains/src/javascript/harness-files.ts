import { readFile } from 'node:fs/promises';
import type { HarnessFiles, HarnessMode } from '../toolchain.ts';
import { quote } from './command.ts';

const FILES = [
  'session.cjs',
  'mocha.cjs',
  'jest.cjs',
  'jest-reporter.cjs',
  'vitest-begin.mjs',
  'vitest-end.mjs',
  'vitest-reporter.mjs',
  'node-reporter.mjs',
  'check.cjs',
  'node.sh',
  'node-check.sh',
  'patch.mjs',
];

let texts: Promise<{ name: string; text: string }[]> | undefined;
const readHarness = () => {
  texts ??= Promise.all(
    FILES.map(async (name) => ({
      name,
      text: await readFile(new URL(`./harness/${name}`, import.meta.url), 'utf8'),
    })),
  );
  return texts;
};

/** A command that starts node's own runner, itself or in a script that it names. */
const ASKS_FOR_NODE_TEST = /--test\b(?!-)/;

/** The harness as files for one container. The shim before PATH is laid only where node's own runner is asked for. */
export async function harness(of: {
  folder: string;
  root: string;
  mode: HarnessMode;
  command: string;
}): Promise<HarnessFiles> {
  const known = await readHarness();
  const fill = (text: string) =>
    text.replaceAll('@ROOT@', of.root).replaceAll('@MODE@', of.mode).replaceAll('@FOLDER@', of.folder);
  const files = known
    .filter(({ name }) => of.mode !== 'plain' || name === 'patch.mjs')
    .map(({ name, text }) => ({ name, text: fill(text) }));
  const asked = of.mode === 'acceptance' || (of.mode !== 'plain' && ASKS_FOR_NODE_TEST.test(of.command));
  const at = quote(of.folder);
  const program = (from: string, to: string) => [
    // Without bash a program is started under another name for itself, which nothing but argv0 shows.
    `{ [ -x /bin/bash ] && sed "s|@NODE@|$node|" ${at}/${from} || sed -e "s|@NODE@|$node|" -e '1s|.*|#!/bin/sh|' -e 's|exec -a node|exec|' ${at}/${from}; } > ${at}/bin/${to}`,
    `chmod 755 ${at}/bin/${to}`,
  ];
  const shims =
    of.mode === 'acceptance'
      ? [
          ...program('node.sh', 'node-test'),
          `[ ! -x /bin/bash ] || { ${program('node-check.sh', 'node').join(' && ')}; }`,
        ]
      : program('node.sh', 'node');
  return {
    files,
    // Without node there is nothing of a JavaScript runner to put the harness into.
    install: [
      `node=$(command -v node) || exit 0`,
      // It says its version too: one start of node for two.
      `"$node" ${at}/patch.mjs && rm ${at}/patch.mjs`,
      ...(asked ? [`mkdir ${at}/bin`, ...shims] : []),
      `rm -f ${at}/node.sh ${at}/node-check.sh`,
    ].join('\n'),
    path: asked ? `${of.folder}/bin` : null,
  };
}
