import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inside } from '../tool-process/files.ts';
import { overlayOptions } from '../workspace/overlay.ts';
import { badEntry } from '../workspace/snapshot.ts';
import { baseEnv, containerOptions } from './hardening.ts';
import { DEFAULT_LIMITS, limitsOf } from './limits.ts';

test.each(['none', 'raised', 'engine'] as const)(
  'every container is confined the same way (%s)',
  (network) => {
    const options = containerOptions({
      image: 'sha256:x',
      command: ['/bin/sh'],
      workdir: '/workspace',
      env: baseEnv({ image: 'sha256:own' }, 'sha256:other'),
      labels: {},
      limits: DEFAULT_LIMITS,
      mounts: [{ kind: 'bind', source: '/a', target: '/b', readOnly: true }],
      network,
      stdin: false,
    });
    expect(options.NetworkDisabled).toBe(network !== 'engine');
    expect(options).toMatchObject({
      User: '10001:10001',
      HostConfig: {
        NetworkMode: 'none',
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges:true'],
        Privileged: false,
        Memory: 2_147_483_648,
        MemorySwap: 2_147_483_648,
        PidsLimit: 512,
        LogConfig: { Type: 'none' },
      },
    });
    for (const key of ['CapAdd', 'Devices', 'PidMode', 'UsernsMode', 'Binds', 'ExtraHosts', 'GroupAdd'])
      expect(options.HostConfig).not.toHaveProperty(key);
  },
);

describe('limits', () => {
  test.each([
    [undefined, DEFAULT_LIMITS],
    [{ memoryMb: 512 }, { ...DEFAULT_LIMITS, memoryMb: 512, diskMb: 256, tmpMb: 128 }],
    [
      { memoryMb: 512, diskMb: 256 },
      { ...DEFAULT_LIMITS, memoryMb: 512, diskMb: 256, tmpMb: 128 },
    ],
  ])('%o', (asked, limits) => {
    expect(limitsOf(asked)).toEqual({ kind: 'limits', limits });
  });
  test.each([
    { memoryMb: 512, diskMb: 257 },
    { cpus: 0 },
    { pids: -1 },
    { wallMs: Number.NaN },
    { tmpMb: Number.POSITIVE_INFINITY },
  ])('%o cannot be kept', (asked) => expect(limitsOf(asked).kind).toBe('refused'));
});

test('a path is inside the root or refused', () => {
  const part = fc.constantFrom('..', '.', '', 'a', 'workspace', '/', 'workspacex', '\0');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const got = inside('/workspace', parts.join('/'));
      if (got === null) return;
      expect(got.startsWith('/') || got.split('/').includes('..')).toBe(false);
      expect(posix.join('/workspace', got)).toBe(posix.resolve('/workspace', parts.join('/')));
    }),
  );
  expect(inside('/workspace', '/workspacex')).toBeNull();
  expect(inside('/workspace', '')).toBe('.');
});

test.each<[Parameters<typeof badEntry>[0], string | null]>([
  [{ name: './a/b', type: 'file' }, null],
  [{ name: './', type: 'directory' }, null],
  [{ name: './w', type: 'character-device', devmajor: 0, devminor: 0 }, null],
  [{ name: './l', type: 'symlink', linkname: '/etc/passwd' }, null],
  [{ name: './h', type: 'link', linkname: './a' }, null],
  [{ name: './d', type: 'character-device', devmajor: 1, devminor: 3 }, 'device'],
  [{ name: './d', type: 'block-device' }, 'block-device'],
  [{ name: '/etc/x', type: 'file' }, 'outside'],
  [{ name: './a/../../x', type: 'file' }, 'outside'],
  [{ name: './h', type: 'link', linkname: '../x' }, 'hard link'],
  [{ name: './h', type: 'link', linkname: '/etc/shadow' }, 'hard link'],
])('an entry %o of a snapshot', (entry, reason) => {
  const bad = badEntry(entry);
  if (reason === null) expect(bad).toBeNull();
  else expect(bad).toContain(reason);
});

test('an overlay without an upper is read-only', () => {
  expect(overlayOptions(['/a', '/b'])).toBe(
    'lowerdir=/a:/b,redirect_dir=nofollow,metacopy=off,index=off,xino=off',
  );
  expect(overlayOptions(['/a'], { mount: '/m', upper: '/m/upper', work: '/m/work' })).toMatch(
    /^lowerdir=\/a,upperdir=\/m\/upper,workdir=\/m\/work,/,
  );
});
