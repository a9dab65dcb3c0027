import { expect, test } from 'vitest';
import { parseLine } from './log.ts';

test.each<[string, string, ReturnType<typeof parseLine> | { ms: number; status: number }]>([
  ['an answer', 'rel_aaaaaaaa.1 200 11 13 --', { status: 200, ms: 11 }],
  ['another replica, cut by the client', 'rel_aaaaaaaa.12 404 7 70 cD', { status: 404, ms: 7 }],
  ['no response time: the whole time', 'rel_aaaaaaaa.1 200 -1 9 --', { status: 200, ms: 9 }],
  [
    'a priority before it, a plus for a log written early',
    '<134>rel_aaaaaaaa.1 200 3 +9 --',
    { status: 200, ms: 3 },
  ],
  ['nobody served it', '<NOSRV> 503 -1 0 SC', null],
  ['never answered', 'rel_aaaaaaaa.1 504 -1 -1 sH', null],
  ['a server that is not ours', 'other 200 1 1 --', null],
  ['half a line', 'rel_aaaaaaaa.1 200 1', null],
  ['more than a line', 'rel_aaaaaaaa.1 200 1 1 -- rel_bbbbbbbb.1 200 1 1 --', null],
  ['nothing', '', null],
])('%s', (_name, line, wanted) => {
  if (wanted === null) expect(parseLine(line)).toBeNull();
  else expect(parseLine(line)).toMatchObject(wanted);
});
