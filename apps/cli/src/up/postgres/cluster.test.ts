import { expect, it } from 'vitest';
import { socketFolderIn } from './cluster.ts';

it.each([
  ['/home/a/.millwright/postgres', true],
  [`/${'d'.repeat(87)}`, true],
  [`/${'d'.repeat(88)}`, false], // 104 bytes with the socket's name
  [`/${'é'.repeat(44)}`, false],
  ["/it's/postgres", false], // ends the setting
  ['/a, /tmp', false], // two folders to Postgres
  ['@abstract', false],
  ['C:\\millwright\\postgres', false],
])('has a Unix socket in %s: %s', (folder, has) => {
  expect(socketFolderIn(folder, 54_321)).toBe(has ? folder : null);
});
