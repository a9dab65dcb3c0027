import { type RepoConfig, RepoConfigFile } from '@millwright/domain';
import type { parseDocument } from 'yaml';
import type { z } from 'zod';
import { boundedYaml } from './bounded-yaml.ts';
import { whyNoWindow } from './freeze-windows.ts';

export type ConfigResult = { kind: 'config'; config: RepoConfig } | { kind: 'invalid'; message: string };

/** 64 KiB: a configuration over it is a mistake. */
const MAX_BYTES = 65_536;

/** Reads a repository's `millwright.yaml`. Whatever is wrong is named with its line. An absent or empty file is the defaults. */
export function parseMillwrightYaml(text: string | null): ConfigResult {
  if (text === null || text.trim() === '') return { kind: 'config', config: RepoConfigFile.parse({}) };
  if (text.length > MAX_BYTES)
    return { kind: 'invalid', message: `millwright.yaml is over ${MAX_BYTES} bytes` };
  const read = boundedYaml(text);
  if (read.kind === 'broken') return { kind: 'invalid', message: at(read.line, read.message) };
  const { document, lines } = read;
  const parsed = RepoConfigFile.safeParse(read.value);
  if (parsed.success) {
    const windows = parsed.data.deploy?.freezeWindows ?? [];
    for (const [nth, window] of windows.entries()) {
      const why = whyNoWindow(window, Date.now());
      if (why === null) continue;
      const offset = offsetOf(document, ['deploy', 'freezeWindows']);
      const line = offset === null ? 1 : lines.linePos(offset).line;
      return { kind: 'invalid', message: at(line, `deploy.freezeWindows.${nth}: ${why}`) };
    }
    return { kind: 'config', config: parsed.data };
  }
  const issue = parsed.error.issues[0];
  if (!issue) return { kind: 'invalid', message: 'millwright.yaml does not fit' };
  const path = issue.path.map(String);
  const key = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const offset = offsetOf(document, key === undefined ? path : [...path, key]);
  return {
    kind: 'invalid',
    message: at(offset === null ? 1 : lines.linePos(offset).line, say(issue, path, key)),
  };
}

const at = (line: number, message: string): string => `millwright.yaml line ${line}: ${message}`;

const say = (issue: z.core.$ZodIssue, path: string[], key: string | undefined): string =>
  key === undefined ? `${path.join('.')}: ${issue.message}` : `unknown key ${[...path, key].join('.')}`;

/** Where the key at `path` starts, or the nearest one above it that is there. */
function offsetOf(document: ReturnType<typeof parseDocument>, path: string[]): number | null {
  for (let length = path.length; length > 0; length -= 1) {
    const holder: unknown =
      length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const pair = pairsOf(holder).find((one) => String(one.key?.value) === path[length - 1]);
    if (pair?.key?.range) return pair.key.range[0];
  }
  return null;
}

type Pair = { key: { value: unknown; range?: [number, number, number] | null } | null };

const pairsOf = (node: unknown): Pair[] =>
  typeof node === 'object' && node !== null && 'items' in node && Array.isArray(node.items)
    ? node.items.filter((item): item is Pair => typeof item === 'object' && item !== null && 'key' in item)
    : [];
