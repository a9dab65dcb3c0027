import { type Found, newIn } from './difference.ts';

const EXPORTED =
  /^export\s{1,20}(?:default\s{1,20})?(?:declare\s{1,20})?(?:abstract\s{1,20})?(?:async\s{1,20})?(?:function\*?|class|const|let|var|type|interface|enum|namespace)\s{1,20}([\w$]{1,200})/gm;

function* exportsOf(text: string): Generator<Found & { name: string }> {
  for (const { 1: name = '', index } of text.matchAll(EXPORTED)) yield { at: index, key: name, name };
}

/** Exported names that are gone, and new in no other file: others may import them. */
export function removedExports(files: readonly { before: string; after: string }[]): string[] {
  const added = new Set(
    files.flatMap(({ before, after }) => newIn(before, after, exportsOf).map(({ name }) => name)),
  );
  return files.flatMap(({ before, after }) =>
    newIn(after, before, exportsOf)
      .map(({ name }) => name)
      .filter((name) => !added.has(name)),
  );
}
