import { describe, expect, it } from 'vitest';
import { MAX_TICKET_BYTES, parseTicketFile } from './ticket-file.ts';

/** Nine lines that stand for a billion words. */
const BOMB = ['a: &a [x, x, x, x, x, x, x, x, x]']
  .concat([...'bcdefghi'].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`)}]`))
  .join('\n')
  .concat('\n');

describe('a ticket file', () => {
  it('has its title in the front matter or as its first heading', () => {
    expect(parseTicketFile('---\ntitle: A\nkind: bug\nacceptance: [x works]\n---\n# B\ntext')).toEqual({
      kind: 'ticket',
      ticket: { title: 'A', kind: 'bug', labels: [], acceptance: ['x works'], body: '# B\ntext' },
    });
    expect(parseTicketFile('\n## Do it\n\nplease\r\nnow')).toMatchObject({
      ticket: { title: 'Do it', body: 'please\nnow', kind: 'feature' },
    });
    expect(parseTicketFile('# T', 'docs')).toMatchObject({ ticket: { kind: 'docs' } });
  });

  it.each([
    ['just text', 'no-title', /first heading/],
    ['---\ntitle: A\n', 'bad-front-matter', /no closing/],
    ['---\ntitle: [\n---\nx', 'bad-front-matter', /line \d/],
    ['---\ntitle: A\nprio: 1\n---\n', 'bad-front-matter', /unknown key: prio/],
    ['---\ntitle: A\nkind: wish\n---\n', 'bad-front-matter', /kind/],
    ['---\n- a\n---\n# T', 'bad-front-matter', /key: value/],
    [`---\n${BOMB}---\n# T`, 'bad-front-matter', /aliases/],
    [`---\ntitle: ${'['.repeat(20_000)}\n---\n# T`, 'bad-front-matter', /line 2: it is nested too deep/],
    [`# T\n${'x'.repeat(MAX_TICKET_BYTES)}`, 'ticket-too-large', /at most/],
  ])('says what is wrong with %.20j', (text, code, message) => {
    expect(parseTicketFile(text)).toMatchObject({
      kind: 'invalid',
      code,
      message: expect.stringMatching(message),
    });
  });
});
