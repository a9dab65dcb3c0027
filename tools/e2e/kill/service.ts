import { approves, checks, implements_, plans, type Script } from '../conversations.ts';
import type { Files } from '../remote.ts';

// The thin run's repository: a service of two files with one test and a deploy, and tickets without end that each change one word of it.

const answer = (word: string) => `exports.answer = () => '${word}';\n`;
const SERVER = `const { createServer } = require('node:http');
const { answer } = require('./answer.js');
createServer((request, response) => response.end(answer())).listen(Number(process.env.PORT ?? 8080));
`;
const TEST = `const test = require('node:test');
const assert = require('node:assert');
const { answer } = require('../answer.js');
test('answers with a word', () => assert.match(answer(), /^[a-z0-9]+$/));
`;

/** @param port on this machine where the released service answers */
export const serviceFiles = (port: number, canary = 'steps: [100], bake: 300ms'): Files => ({
  'package.json': `${JSON.stringify({ name: 'word', version: '1.0.0', private: true, scripts: { test: 'node --test' } })}\n`,
  'millwright.yaml': `deploy:
  target: docker
  start: node server.js
  port: 8080
  expose: ${port}
  canary: { ${canary}, minRequests: 0 }
`,
  'answer.js': answer('w0'),
  'server.js': SERVER,
  'test/answer.test.js': TEST,
});

/** What a ticket's change makes of a file. The sick one passes its tests and does not start. */
export type Ticket = { title: string; word: string; path: string; text: string; end: 'done' | 'rolled_back' };

export const good = (nth: number): Ticket => ({
  title: `Answer with w${nth}`,
  word: `w${nth}`,
  path: 'answer.js',
  text: answer(`w${nth}`),
  end: 'done',
});

export const sick = (nth: number): Ticket => ({
  title: `Fail to start, ${nth}`,
  word: '',
  path: 'server.js',
  text: `console.error('no region is set');\nprocess.exit(${nth % 100 || 1});\n`,
  end: 'rolled_back',
});

/** Ends well where each line of `text` is one of the file. */
const hasLines = (path: string, text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `grep -qxF "${line}" ${path}`)
    .join(' && ');

/**
 * What the model says in one ticket. Its acceptance check fails on the base, since a ticket of the kind `bug` needs something that turns, and
 * notices a fault in the change's lines.
 */
export const conversations = ({ title, path, text }: Ticket): Script[] => [
  plans(title),
  implements_(title, [{ path, text }], { run: ['node --test'] }),
  approves(title),
  checks(title, hasLines(path, text)),
  {
    role: 'deploy',
    when: { title: `^${title}$` },
    turns: [{ tools: [{ submit: { notes: 'Another word.', watch: [] } }] }],
  },
];

/** What a factory's model says in as many tickets of either kind. */
export const scripts = (count: number): Script[] =>
  Array.from({ length: count }, (_, index) => [
    ...conversations(good(index + 1)),
    ...conversations(sick(index + 1)),
  ]).flat();
