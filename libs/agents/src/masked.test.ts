import type { TurnRecord } from '@millwright/domain';
import { expect, test } from 'vitest';
import { masked } from './masked.ts';

const canary = ['ghp', '_abcdefghijklmnopqrstuvwxyz0123456789'].join('');
const turn: TurnRecord = {
  turn: 1,
  model: 'recorded/plan',
  assistant: [
    {
      type: 'thinking',
      thinking: 'quiet',
      signature: 'EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds',
    },
    { type: 'thinking', thinking: `it is ${canary}`, signature: 's' },
    { type: 'text', text: `I saw ${canary}.` },
    {
      type: 'tool_use',
      id: 'toolu_01T1x1fJ34qAmk2tNTrN7Up6',
      name: 'bash',
      input: { command: `echo ${canary}` },
    },
  ],
  results: [
    {
      type: 'tool_result',
      tool_use_id: 'toolu_01T1x1fJ34qAmk2tNTrN7Up6',
      content: `${canary}\n`,
      is_error: true,
    },
    { type: 'tool_result', tool_use_id: 'x', content: [{ type: 'text', text: canary }] },
    { type: 'text', text: `Go on with ${canary}.` },
  ],
  stopReason: 'tool_use',
  usage: { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0, usd: 0 },
  action: `bash echo ${canary}`,
};

test('a secret is in no part of a turn that is kept; ids are as they were, signatures are gone', () => {
  const kept = masked(turn);
  expect(JSON.stringify(kept)).not.toContain(canary.slice(4));
  expect(kept.assistant).toEqual([
    { type: 'thinking', thinking: 'quiet', signature: '' },
    { type: 'thinking', thinking: 'it is [masked: GitHub token]', signature: '' },
    { type: 'text', text: 'I saw [masked: GitHub token].' },
    expect.objectContaining({
      id: 'toolu_01T1x1fJ34qAmk2tNTrN7Up6',
      input: { command: 'echo [masked: GitHub token]' },
    }),
  ]);
  expect(kept.results[0]).toEqual({
    ...(turn.results[0] as object),
    content: '[masked: GitHub token]\n',
  });
  expect(masked(kept)).toEqual(kept);
});
