import { expect, test } from 'vitest';
import { fileList, hitList, pairPattern, ticketWords } from './repository-map.ts';

const many = (count: number, path: (n: number) => string) => Array.from({ length: count }, (_, n) => path(n));

test('a small repository is listed whole, a folder a line', () => {
  expect(fileList(['package.json', 'src/b.js', 'src/a/c.js', 'src/d.js'], 1_000)).toBe(
    './: package.json\nsrc/: b.js, d.js\nsrc/a/: c.js',
  );
});

test.each([
  [
    'names of each folder',
    many(300, (n) => `src/p${n % 10}/file-${n}.js`),
    'src/p3/: file-3.js, file-13.js',
    '22 more',
  ],
  ['folders alone', many(3_000, (n) => `src/p${n % 100}/file-${n}.js`), 'src/p3/: 30 files', 'src/p99/'],
  ['folders below one another', many(3_000, (n) => `a${n % 3}/b/c${n}/d.js`), 'a1/b/: 1000 files', 'a2/b/'],
  ['a part of the folders', many(3_000, (n) => `folder-${n}/a.js`), 'folder-1/: 1 files', 'folders more'],
])('of a large one as much as fits: %s', (_, paths, first, then) => {
  const text = fileList(paths, 500);
  expect(text.length).toBeLessThanOrEqual(2_000);
  expect(text).toContain(first);
  expect(text).toContain(then);
});

test('of a ticket names are looked for first, then its longer words, each once', () => {
  const words = ticketWords({
    title: 'withBase drops the query',
    body: 'Since `joinURL` is used, should withBase("/a") keep it, e.g. with --strict-slash or in src/utils.ts? `if` not, WithBase breaks.\n```js\nconst other = 1;\n```',
    acceptance: ['MAX_DEPTH stays'],
  });
  expect(words.filter(({ name }) => name).map(({ text }) => text)).toEqual([
    'withBase',
    'MAX_DEPTH',
    'joinURL',
    '--strict-slash',
    'src/utils.ts',
  ]);
  expect(words.filter(({ name }) => !name).map(({ text }) => text)).toEqual([
    'breaks',
    'drops',
    'query',
    'stays',
    'Since',
    'const',
  ]);
});

test('names that are made of words side by side are found by a pattern; fillers and code are of none', () => {
  const of = (body: string) => pairPattern({ title: 'A path', body, acceptance: [] });
  const found = (body: string, line: string) => line.match(new RegExp(of(body) ?? '(?!)', 'gi')) ?? [];
  const body = 'Wherever dot segments are removed, the `normalize` drops one. Is it so?';
  expect(found(body, 'a = removeDotSegments(dot_segment, dotted, DOT-SEGMENTS)')).toEqual([
    'removeDotSegments',
    'dot_segment',
    'DOT-SEGMENTS',
  ]);
  expect(found(body, 'segmentsAre theNormalize isIt')).toEqual([]);
  expect(of('It is so.\n```js\nconst dot = segments\n```')).toBeNull();
});

const WORDS = [
  { text: 'joinURL', name: true },
  { text: 'gone', name: true },
  { text: 'node', name: true },
  { text: 'query', name: false },
  { text: 'value', name: false },
];

test('hits: names, the rarest first, and words beside few of them; code before prose before tests, not all of one file, a line once; what is everywhere or nowhere is only named', () => {
  const hits = new Map([
    [
      'joinURL',
      [
        'CHANGES.md:1:joinURL',
        'test/a.js:9:joinURL',
        'README.md:3:joinURL',
        ...many(5, (n) => `src/a.js:${n}:  joinURL(query)`),
        'src/b.js:1:joinURL',
      ],
    ],
    ['gone', []],
    ['node', many(41, (n) => `src/${n}.js:1:node`)],
    ['query', ['src/a.js:0:  joinURL(query)', `src/q.js:7:\tquery ${'x'.repeat(300)}`]],
    ['value', many(9, (n) => `src/${n}.js:1:value`)],
  ]);
  const text = hitList(WORDS, hits, 1_000);
  expect(text.split('\n').map((line) => line.slice(0, 30))).toEqual([
    'nowhere: gone',
    'more than 40 times: node',
    'joinURL (8 of 9)',
    ...many(4, (n) => `src/a.js:${n}: joinURL(query)`),
    'src/b.js:1: joinURL',
    'README.md:3: joinURL',
    'test/a.js:9: joinURL',
    'CHANGES.md:1: joinURL',
    'query (1 of 2)',
    'src/q.js:7: query xxxxxxxxxxxx',
  ]);
  expect(text.split('\n').at(-1)).toHaveLength(140);
  const two = hitList(
    [...WORDS, { text: 'isURL', name: true }],
    hits.set('isURL', ['src/u.js:1:isURL']),
    1_000,
  );
  expect(two).not.toContain('query (');
});

test('hits stay within their tokens, and what was not looked for is not said to be nowhere', () => {
  const words = many(20, (n) => `name_${n}`).map((text) => ({ text, name: true }));
  const hits = new Map(
    words.slice(1).map(({ text }) => [text, many(30, (n) => `f${n}.js:1:${'y'.repeat(200)} ${text}`)]),
  );
  const text = hitList(words, hits, 500);
  expect(text.length).toBeLessThanOrEqual(2_000);
  expect(text).toContain('name_1 (12 of 30)');
  expect(text).not.toContain('nowhere');
});
