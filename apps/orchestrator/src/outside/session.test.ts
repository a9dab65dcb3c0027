import type { TicketInfo } from '@millwright/domain';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ticketFrom } from './inbox.ts';
import { quoted, sessionOf } from './session.ts';

test('what somebody else wrote names nobody, points at nothing and is no markup, wherever it is told', () => {
  const marks = fc.array(
    fc.constantFrom('@mona', '#12', '`', '<img src=x>', '[a](b)', '\n', '!', 'x', '\u202e', '|'),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        marks.map((all) => all.join('')),
      ),
      (text) => {
        const told = quoted(text);
        expect(told).not.toMatch(/@\w|\n|\u202e|(?<!\\)[#`<>[\]!|]/);
      },
    ),
  );
});

test('every issue is a ticket, whatever is written in it', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.string({ maxLength: 5_000 }),
      fc.array(fc.string()),
      (title, body, labels) => {
        const ticket = ticketFrom({ title, body, labels });
        expect(ticket.title.length).toBeGreaterThan(0);
      },
    ),
  );
  // What a ticket file says in front of its text, an issue does not: who writes one chooses no more than a label's kind.
  const sly = ticketFrom({
    title: 'T',
    body: '---\nkind: docs\npriority: now\n---\n- [x] a\n* [ ] b',
    labels: ['bug'],
  });
  expect(sly).toMatchObject({ kind: 'bug', acceptance: ['a', 'b'] });
  expect(sly.priority).toBeUndefined();
});

test('how a ticket stands follows from who acts next', () => {
  const ticket = (state: TicketInfo['state']) =>
    ({ id: 'tkt_12345678', state, runs: [], evidence: ['it *ended*'], proposal: null, outside: {} }) as never;
  const next = (who: string) => ({ who, text: 'allow the merge', acts: [] });
  expect(sessionOf(ticket('open'), null, next('factory')).state).toBe('pending');
  expect(sessionOf(ticket('running'), null, next('runner')).state).toBe('active');
  expect(sessionOf(ticket('running'), null, next('approver'))).toMatchObject({
    state: 'awaiting input',
    body: expect.stringContaining('What is needed: allow the merge, by an approver, in Millwright.'),
  });
  expect(sessionOf(ticket('reopened'), null, null)).toMatchObject({
    ...{ state: 'error', issueOpen: true },
    body: expect.stringContaining('It was rolled back: it \\*ended\\*'),
  });
  expect(sessionOf(ticket('done'), null, null)).toMatchObject({ state: 'complete', issueOpen: null });
});
