import { expect, it } from 'vitest';
import { socketHost } from './database.ts';

it.each([
  ['postgres://a:b@%2Fvar%2Flib%2Fx:5432/d', { host: '/var/lib/x' }],
  ['postgresql://a@%2ftmp/d', { host: '/tmp' }],
  ['postgres://a:b%2Fc@127.0.0.1:5432/d', {}],
  ['postgres://a:b@db.example/d?host=%2Ftmp', {}],
  ['postgres://%2Ftmp:b@h/d', {}],
  ['', {}],
])('finds the folder of a socket in %s', (url, host) => {
  expect(socketHost(url)).toEqual(host);
});
