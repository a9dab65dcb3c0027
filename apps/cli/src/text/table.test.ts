import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainLook } from '../stand-ins/views.ts';
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
});
