import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainLook } from '../testing/views.ts';
import { table } from './table.ts';
import { widthOf } from './width.ts';

const columns = [
  { title: 'name', shrinkTo: 6 },
  { title: 'state' },
  { title: 'time', align: 'right' as const },
];

describe('table', () => {
  it('aligns columns, pads by what a terminal shows, leaves no blanks at the end', () => {
    expect(
      table(plainLook(), columns, [
        ['a', 'done', '9 s'],
        ['日本', 'x', '12:03'],
      ]),
    ).toEqual(['name  state   time', 'a     done     9 s', '日本  x      12:03']);
  });

  it('leaves out a column that is empty everywhere', () => {
    expect(table(plainLook(), columns, [['a', '', '1 s']])).toEqual(['name  time', 'a      1 s']);
  });

  it('cuts the column that may be cut, and says so', () => {
    expect(table(plainLook(24), columns, [['a long name of things', 'done', '9 s']])).toEqual([
      'name         state  time',
      'a long nam…  done    9 s',
    ]);
  });

  it('never writes past the terminal when a shrinkable column can give way', () => {
    const cell = fc
      .string({ unit: 'grapheme', maxLength: 60 })
      .map((text) => text.replaceAll(/[\p{C}\s]/gu, ''));
    fc.assert(
      fc.property(
        fc.array(cell, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 40, max: 120 }),
        (names, width) => {
          const lines = table(
            plainLook(width),
            columns,
            names.map((name) => [name, 'done', '1:00']),
          );
          for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
        },
      ),
    );
  });

  const gates = [
    { title: 'gate' },
    { title: 'run', spare: 2 },
    { title: 'expires', spare: 1 },
    { title: 'reason', wrapTo: 16 },
  ];
  const waiting = [
    ['gate_0000000000000001', 'run_0000000000000001', 'in 8 h', 'the change touches a protected path'],
  ];

  it('breaks the last column at spaces, under itself', () => {
    expect(table(plainLook(72), gates, waiting)).toEqual([
      'gate                   run                   expires  reason',
      'gate_0000000000000001  run_0000000000000001  in 8 h   the change touches',
      `${' '.repeat(54)}a protected path`,
    ]);
  });

  it('leaves out spare columns, the most spare first, before anything is too wide', () => {
    expect(table(plainLook(50), gates, waiting)[0]).toBe('gate                   expires  reason');
    expect(table(plainLook(44), gates, waiting)[0]).toBe('gate                   reason');
  });

  it('never writes past the terminal where its last column may be wrapped, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.integer({ min: 40, max: 120 }), (given, width) => {
        const reason = given.replaceAll(/[\p{C}\s]+/gu, ' ');
        for (const line of table(plainLook(width), gates, [[...(waiting[0] ?? []).slice(0, 3), reason]]))
          expect(widthOf(line)).toBeLessThanOrEqual(width);
      }),
    );
  });
});
