import { expect, test } from 'vitest';
import { parseTarget } from './proxy.ts';
import { authority } from './registry.ts';

test.each([
  ['registry.test:443', { host: 'registry.test', port: 443 }],
  ['REGISTRY.test:443', { host: 'registry.test', port: 443 }],
  ['[::1]:443', { host: '[::1]', port: 443 }],
  ['registry.test', null],
  ['registry.test:0', null],
  ['registry.test:70000', null],
  ['http://registry.test:443', null],
  ['user@registry.test:443', null],
  ['registry.test:443/x', null],
  ['registry.test:443\r\nHost: x', null],
  ['', null],
])('a tunnel to %j', (text, target) => {
  expect(parseTarget(text)).toEqual(target);
});

test('the port is always named', () => {
  expect(authority(new URL('https://a.test/x/'))).toBe('a.test:443');
  expect(authority(new URL('http://a.test'))).toBe('a.test:80');
  expect(authority(new URL('http://a.test:8080'))).toBe('a.test:8080');
});
