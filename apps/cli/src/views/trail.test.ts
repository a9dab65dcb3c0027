import { TrailLine } from '@millwright/api';
import { expect, it } from 'vitest';
import { now } from '../testing/views.ts';
import { lookOf } from '../text/look.ts';
import { TrailAccount } from './trail.ts';

const terminal = (columns: number) => lookOf({ isTTY: true, columns }, { LANG: 'C.UTF-8', NO_COLOR: '1' });
const RUN = 'run_0000000000000001';
const line = (more: object = {}): TrailLine =>
  TrailLine.parse({
    position: 411,
    stream: `run/${RUN}`,
    version: 7,
    type: 'merge.started',
    actor: 'orchestrator',
    actorName: null,
    at: now,
    payloadDigest: `sha256:${'ab'.repeat(32)}`,
    data: null,
    run: RUN,
    repo: 'shop',
    who: { kind: 'factory', name: 'factory', model: null },
    text: 'started to merge 0a1b2c3d4e under gate_0000000000000001',
    on: [],
    allowedBy: { gate: 'gate_0000000000000001', action: 'merge', policies: ['merge-low'], position: 398 },
    result: 'noted',
    ...more,
  });
const person = { kind: 'person', name: 'Ada Lovelace of Accounts', model: null };
const lines = [
  line(),
  line({ position: 412, type: 'merge.finished', text: 'merged: 0a1b2c3d4e on main', result: 'done' }),
  line({
    position: 413,
    run: null,
    repo: null,
    allowedBy: null,
    who: person,
    text: 'halted the\n\u001b[31mfactory',
  }),
  line({ position: 414, text: 'deploy — attempted, outcome unknown', allowedBy: null, result: 'unknown' }),
];

it.each([80, 120])(
  'is an account that fits %i columns, whole, under headings of day, repository and run',
  (columns) => {
    const shown = new TrailAccount(terminal(columns)).lines(lines);
    expect(Math.max(...shown.map((one) => one.length))).toBeLessThanOrEqual(columns);
    expect(shown.filter((one) => /^\d/.test(one))).toEqual([
      expect.stringMatching(`^\\d{4}-\\d\\d-\\d\\d · shop · ${RUN}$`),
      expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      expect.stringMatching(`^\\d{4}-\\d\\d-\\d\\d · shop · ${RUN}$`),
    ]);
    const told = shown.join(' ').replaceAll(/\s+/g, ' ');
    expect(told).toContain(
      'started to merge 0a1b2c3d4e under gate_0000000000000001 (allowed by merge-low, entry 398)',
    );
    expect(told).toContain('Ada Lovelace of…');
    expect(told).toContain('halted the factory');
    expect(told).toMatch(/412 \S+ factory ✔ merged/);
    expect(told).toMatch(/414 \S+ factory \? deploy — attempted, outcome unknown/);
  },
);

it('continues under one heading from page to page', () => {
  const account = new TrailAccount(terminal(80));
  expect(account.lines([line()])[0]).toMatch(/shop · run_/);
  expect(account.lines([line({ position: 412 })])[0]).toMatch(/^ {4}412/);
  expect(account.end()).toEqual([]);
});

it('is a line an entry into a pipe, with everything in it and no colour', () => {
  const account = new TrailAccount(lookOf({}, {}));
  expect(account.lines(lines.slice(0, 1))).toEqual([
    `411\t${new Date(now).toISOString()}\tshop\t${RUN}\tfactory\tmerge.started\tnoted\tstarted to merge 0a1b2c3d4e under gate_0000000000000001 (allowed by merge-low, entry 398)`,
  ]);
  expect(account.lines(lines).every((one) => one.split('\t').length === 8)).toBe(true);
});

it('says where there is nothing, on a terminal only', () => {
  expect(new TrailAccount(terminal(80)).end()).toEqual(['No entries there.']);
  expect(new TrailAccount(lookOf({}, {})).end()).toEqual([]);
});
