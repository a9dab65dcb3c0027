import { NewTicket, RepoView, type RunView, type TicketView } from '@millwright/api';
import { expect, test } from 'vitest';
import { KINDS, startsAlone, stepFor, ticketFile, usual } from './ticket-file.ts';

const repo = RepoView.parse({
  ...{ name: 'shop', unit: 'default', url: '/srv/shop.git', branch: 'main', deliver: 'merge', step: 6 },
  demoted: [{ kind: 'bug', step: 3, upTo: 4, since: 0, release: null, served: 0, needed: 5, earned: null }],
  ...{ live: null, address: null, ceiling: 5, troubles: [] },
});

test('a form becomes a ticket file in which nothing that was written is taken for front matter', () => {
  expect(
    ticketFile({ title: ' Say: "hello" #1 ', body: '---\nkind: x\n', acceptance: '- one: two\n\n* "three"' }),
  ).toBe('---\ntitle: "Say: \\"hello\\" #1"\nacceptance: ["one: two","\\"three\\""]\n---\n\n---\nkind: x\n');
  expect(ticketFile({ title: 'A', body: 'b', acceptance: ' ' })).toBe('---\ntitle: "A"\n---\n\nb\n');
});

test('whether a run starts by itself is told by the lowest step that counts, and by what blocks it', () => {
  expect([...KINDS].sort()).toEqual([...NewTicket.shape.kind.unwrap().options].sort());
  expect([stepFor(repo, 'feature'), stepFor(repo, 'bug')]).toEqual([5, 3]);
  expect(startsAlone(repo, 'feature').alone).toBe(true);
  expect(startsAlone(repo, 'bug')).toMatchObject({ alone: false, why: expect.stringContaining('step 3') });
  const trouble = { code: 'x', text: 'no lock file', fix: { acts: [] }, blocks: true };
  expect(startsAlone({ ...repo, troubles: [trouble] }, 'feature')).toMatchObject({
    alone: false,
    why: expect.stringContaining('no lock file'),
  });
});

test('what is usual is the middle of the runs of that kind there that have ended', () => {
  const run = (ticket: string, ms: number | null, usd: number) =>
    ({
      ticket,
      repo: 'shop',
      state: 'done',
      startedAt: 0,
      endedAt: ms,
      usage: { usd },
    }) as unknown as RunView;
  const tickets = ['a', 'b'].map(
    (id) => ({ id, ticket: { kind: id === 'a' ? 'bug' : 'docs' } }) as unknown as TicketView,
  );
  const runs = [run('a', 10, 1), run('a', 30, 3), run('a', 20, 2), run('a', null, 9), run('b', 99, 9)];
  expect(usual(runs, tickets, 'shop', 'bug')).toEqual({ runs: 3, shipped: 3, medianMs: 20, medianUsd: 2 });
  expect(usual(runs, tickets, 'shop', 'security')).toBeNull();
});
