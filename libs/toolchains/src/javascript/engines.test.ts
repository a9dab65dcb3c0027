import { expect, test } from 'vitest';
import { unfit } from './engines.ts';

const of = (files: Record<string, string>) =>
  unfit('v24.21.0', { paths: Object.keys(files), read: async (path) => files[path] ?? null });

test.each<[Record<string, string>, RegExp | null]>([
  [
    { 'package.json': '{"engines":{"node":"<20"}}' },
    /asks for Node <20 \(engines\); the sandbox has 24\.21\.0/,
  ],
  [{ 'package.json': '{"engines":{"node":"^18 || ^20"}}' }, /asks for Node/],
  [{ 'package.json': '{"engines":{"node":">=18"}}' }, null],
  [{ 'package.json': '{"engines":{"node":"nonsense"}}' }, null],
  [{ 'package.json': 'no json', '.nvmrc': 'v16.20.0\n' }, /\.nvmrc asks for Node 16/],
  [{ '.nvmrc': 'lts/hydrogen' }, /\.nvmrc asks for Node 18/],
  [{ '.nvmrc': 'lts/*' }, null],
  [{ '.node-version': '24' }, null],
  [{ '.tool-versions': 'ruby 3.2\nnodejs 20.1.0\n' }, /\.tool-versions asks for Node 20/],
  [{}, null],
])('%o', async (files, expected) => {
  const said = await of(files);
  if (expected === null) expect(said).toBeNull();
  else expect(said).toMatch(expected);
});
