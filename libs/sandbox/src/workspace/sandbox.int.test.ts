import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sandbox } from '../sandboxes.ts';
import { bundleOf, nth } from '../testing/bundle.ts';
import { testSandboxes } from '../testing/factory.ts';
import { within, withSandbox } from '../testing/sandbox.ts';
import type { Checkout } from './sandbox.ts';

let factory: Awaited<ReturnType<typeof testSandboxes>>;
let checkout: Checkout;
const inside = (work: (sandbox: Sandbox) => Promise<void>, options: Parameters<typeof withSandbox>[2] = {}) =>
  withSandbox(factory.sandboxes, checkout, options, work);

beforeAll(async () => {
  factory = await testSandboxes();
  const { bundle, trees } = await bundleOf({
    'README.md': '# A\n',
    'src/a.js': 'export const a = 1;\n',
    'run.sh': { script: '#!/bin/sh\necho ran\n' },
    'link.js': { link: 'src/a.js' },
  });
  const result = await factory.sandboxes.checkout(bundle, nth(trees, 0));
  if (result.kind === 'refused') throw new Error(result.reason);
  checkout = result.checkout;
});
afterAll(() => factory.end());

test('open → exec → snapshot → extract → destroy', () =>
  inside(async (sandbox) => {
    const first = await sandbox.exec('id -u; pwd; cat link.js; ./run.sh; git status --short', within);
    expect(first).toMatchObject({ kind: 'exited', exitCode: 0 });
    expect(first).toHaveProperty('output', '10001\n/workspace\nexport const a = 1;\nran\n');
    expect((await sandbox.snapshot()).kind).toBe('unchanged');
    await sandbox.exec('echo "b" >> src/a.js; rm README.md; mkdir -p n/m; echo x > n/m/new', within);
    expect((await sandbox.snapshot()).kind).toBe('snapshot');
    expect((await sandbox.snapshot()).kind).toBe('unchanged');
    expect(await sandbox.extract()).toMatchObject({
      kind: 'change',
      baseTree: checkout.tree,
      paths: [
        { path: 'README.md', status: 'deleted', added: 0, removed: 1 },
        { path: 'n/m/new', status: 'added', added: 1, removed: 0 },
        { path: 'src/a.js', status: 'modified', added: 1, removed: 0 },
      ],
    });
    expect(await sandbox.exec('true', within)).toMatchObject({ kind: 'gone' });
  }));

describe('exec', () => {
  test('carries any text both ways, and no state over', () =>
    inside(async (sandbox) => {
      const odd = `'"\\$\`!\u00e9\u2028\u{1f600}\u0081\u0088 \t%s\\n`;
      const said = await sandbox.exec(`cat <<'END'\n${odd}\nEND`, within);
      expect(said).toMatchObject({ kind: 'exited', exitCode: 0, output: `${odd}\n` });
      await sandbox.exec('cd /tmp; FOO=1; export BAR=2; exit 3', within);
      expect(await sandbox.exec('pwd; echo "$FOO$BAR"; cat; exit 7', within)).toMatchObject({
        exitCode: 7,
        output: '/workspace\n\n',
      });
      expect(await sandbox.exec('echo out; echo err >&2; [[ a == a ]] && echo bash', within)).toMatchObject({
        output: 'out\nerr\nbash\n',
      });
      expect(await sandbox.exec('kill -9 $$', within)).toMatchObject({ exitCode: 137 });
      expect(await sandbox.exec('syntax (', within)).toMatchObject({ kind: 'exited', exitCode: 2 });
      expect(await sandbox.exec('a\0b', within)).toMatchObject({ exitCode: 126 });
      const long = `: ${'x'.repeat(300_000)}\necho long`;
      expect(await sandbox.exec(long, within)).toMatchObject({ exitCode: 0, output: 'long\n' });
    }));

  test('keeps the head and the tail of a huge output', () =>
    inside(async (sandbox) => {
      const result = await sandbox.exec('seq 1 400000', { timeoutMs: 60_000, maxBytes: 1_000 });
      if (result.kind !== 'exited') throw new Error(result.kind);
      expect(result.output).toMatch(/^1\n2\n[\s\S]*bytes left out[\s\S]*399999\n400000\n$/);
      expect(result.droppedBytes).toBe(2_688_895 - 1_000);
      expect(Buffer.byteLength(result.output)).toBeLessThan(1_100);
    }));

  test('ends an endless command, an endless output and all their children', () =>
    inside(async (sandbox) => {
      const endless = 'setsid sleep 1000 & nohup sleep 1000 & echo started; yes > /dev/null';
      expect(await sandbox.exec(endless, { timeoutMs: 300, maxBytes: 1_000 })).toMatchObject({
        kind: 'timed_out',
        output: 'started\n',
      });
      expect(await sandbox.exec('yes', { timeoutMs: 300, maxBytes: 1_000 })).toMatchObject({
        kind: 'timed_out',
      });
      const left = await sandbox.exec('ps -e -o comm= >/tmp/left; sort -u /tmp/left', within);
      expect(left).toMatchObject({ kind: 'exited', output: 'bash\nps\nsh\n' });
    }));

  test('says of a command that is over its time what ran then', () =>
    inside(async (sandbox) => {
      const chain = (last: string) => `PATH="$PATH:x"\necho one && (${last}; true) && echo three`;
      const asked = { timeoutMs: 2_000, maxBytes: 1_000 };
      expect(await sandbox.exec(chain('sleep 1000'), asked)).toMatchObject({
        kind: 'timed_out',
        output: 'one\n',
        running: ['sleep 1000'],
      });
      expect(await sandbox.exec(chain('while :; do :; done'), asked)).toMatchObject({ running: [] });
      expect(await sandbox.exec(`${chain('sleep 1000')}\n: ${'x'.repeat(200_000)}`, asked)).toMatchObject({
        running: ['sleep 1000'],
      });
      expect(await sandbox.exec('pgrep sleep; true', within)).toMatchObject({ output: '' });
    }));

  test('is given the time that a busy machine kept it waiting, but not what it waits by itself', async () => {
    const busy = await testSandboxes({ stalledMs: () => performance.now() });
    try {
      const asked = { timeoutMs: 1_500, maxBytes: 1_000 };
      await withSandbox(busy.sandboxes, checkout, {}, async (sandbox) => {
        const slow = 'for n in $(seq 1 20); do sleep 0.1; for i in $(seq 1 300); do :; done; done; echo done';
        expect(await sandbox.exec(slow, asked)).toMatchObject({ kind: 'exited', output: 'done\n' });
        expect(await sandbox.exec('sleep 4', asked)).toMatchObject({ kind: 'timed_out' });
        const endless = await sandbox.exec('while :; do :; done', asked);
        expect(endless).toMatchObject({ kind: 'timed_out' });
      });
    } finally {
      await busy.end();
    }
  });

  test('ends a command that prints without bound, long before its time is up', () =>
    inside(async (sandbox) => {
      const flood = await sandbox.exec('yes', { timeoutMs: 60_000, maxBytes: 1_000 });
      expect(flood).toMatchObject({
        kind: 'exited',
        output: expect.stringContaining('killed: more than 64 MiB'),
      });
    }));

  test('leaves nothing running even when PID 1 was robbed of its descriptors', () =>
    inside(async (sandbox) => {
      const robbed = await sandbox.exec('setsid sleep 1000 & prlimit --pid 1 --nofile=3:3; echo $?', {
        ...within,
        timeoutMs: 500,
      });
      const after = await sandbox.exec('pgrep sleep; true', within);
      // Either it cannot go on, which is typed, or it goes on as ever.
      if (robbed.kind !== 'gone' && after.kind !== 'gone') expect(after).toMatchObject({ output: '' });
    }));

  test('leaves nothing running when a command ends', () =>
    inside(async (sandbox) => {
      const result = await sandbox.exec('(setsid sleep 1000 &) ; sleep 1000 & echo done', within);
      expect(result).toMatchObject({ kind: 'exited', exitCode: 0, output: 'done\n' });
      expect(await sandbox.exec('pgrep sleep; true', within)).toMatchObject({ output: '' });
    }));

  test('is ended by its signal, and the next call works', () =>
    inside(async (sandbox) => {
      const stop = new AbortController();
      const running = sandbox.exec('sleep 1000', { ...within, signal: stop.signal });
      const queued = sandbox.exec('echo next', within);
      await sleep(200);
      stop.abort(new Error('enough'));
      const early = new AbortController();
      const barely = sandbox.exec('sleep 1000', { ...within, signal: early.signal });
      queueMicrotask(() => early.abort(new Error('at once')));
      await expect(running).rejects.toThrow('enough');
      expect(await queued).toMatchObject({ kind: 'exited', output: 'next\n' });
      await expect(barely).rejects.toThrow('at once');
      for (const ms of [0, 1, 2, 4])
        await expect(
          sandbox.exec('sleep 1000', { ...within, signal: AbortSignal.timeout(ms) }),
        ).rejects.toThrow();
      expect(await sandbox.exec('echo after', within)).toMatchObject({ output: 'after\n' });
      await expect(sandbox.exec('true', { ...within, signal: stop.signal })).rejects.toThrow('enough');
    }));
});

describe('limits', () => {
  test('a fork bomb is over with its command', () =>
    inside(
      async (sandbox) => {
        const bomb = await sandbox.exec('b() { b | b & }; b; sleep 1000', {
          timeoutMs: 1_000,
          maxBytes: 1_000,
        });
        expect(bomb.kind).toBe('timed_out');
        await sleep(300);
        const after = await sandbox.exec('ps -e | wc -l', within);
        // Too many zombies at once end the tool process instead: a typed failure of this attempt, and of nothing else.
        if (after.kind !== 'gone') expect(after).toMatchObject({ kind: 'exited', exitCode: 0 });
      },
      { limits: { pids: 64 } },
    ));

  test('a memory bomb is killed, alone', () =>
    inside(
      async (sandbox) => {
        const bomb = await sandbox.exec(
          `node -e 'const a = []; for (;;) a.push(Buffer.alloc(1e7, 1))'`,
          within,
        );
        if (bomb.kind !== 'gone') expect(bomb).toMatchObject({ kind: 'exited', exitCode: 137 });
        await inside(async (neighbour) => {
          expect(await neighbour.exec('echo fine', within)).toMatchObject({ output: 'fine\n' });
        });
      },
      { limits: { memoryMb: 128 } },
    ));

  test('the disk is full where the limit says, in bytes and in files, and on /tmp', () =>
    inside(
      async (sandbox) => {
        const fill = await sandbox.exec('head -c 50M /dev/zero > big; stat -c %s big; rm big', within);
        expect(fill).toHaveProperty('output', expect.stringMatching(/No space left on device\n\d{7}\n$/));
        const files = await sandbox.exec('mkdir many && cd many && seq 1 3000 | xargs touch', within);
        expect(files).toHaveProperty('output', expect.stringContaining('No space left on device'));
        const tmp = await sandbox.exec('head -c 50M /dev/zero > /tmp/big', within);
        expect(tmp).toHaveProperty('output', expect.stringContaining('No space left on device'));
        const shm = await sandbox.exec('head -c 50M /dev/zero > /dev/shm/big', within);
        expect(shm).toHaveProperty('output', expect.stringContaining('No space left on device'));
        const full = await sandbox.write('many/1', 'x'.repeat(8_000_000));
        expect(full).toMatchObject({ kind: 'refused', reason: expect.stringContaining('No space left') });
      },
      { limits: { memoryMb: 256, diskMb: 4, inodes: 1_000, tmpMb: 8 } },
    ));

  test('the wall clock ends it, whatever it is doing', () =>
    inside(
      async (sandbox) => {
        expect(await sandbox.exec('sleep 1000', { timeoutMs: 60_000, maxBytes: 100 })).toMatchObject({
          kind: 'gone',
          reason: expect.stringContaining('wall-clock'),
        });
        expect(await sandbox.ended).toMatchObject({ reason: expect.stringContaining('wall-clock') });
      },
      { limits: { wallMs: 700 } },
    ));

  test('limits that cannot be kept are refused', async () => {
    const asked = { run: 'run_1', attempt: 'att_1', purpose: 'test', checkout };
    expect(await factory.sandboxes.open({ ...asked, limits: { memoryMb: 100, diskMb: 51 } })).toMatchObject({
      kind: 'refused',
      code: 'bad_limits',
    });
  });
});

describe('read and write', () => {
  test('stay in the workspace', () =>
    inside(async (sandbox) => {
      expect(await sandbox.read('src/a.js', 100)).toEqual({
        kind: 'file',
        content: 'export const a = 1;\n',
        truncated: false,
      });
      expect(await sandbox.read('/workspace/src/a.js', 6)).toEqual({
        kind: 'file',
        content: 'export',
        truncated: true,
      });
      expect(await sandbox.read('.', 1_000)).toEqual({
        kind: 'directory',
        entries: ['.git/', 'README.md', 'link.js', 'run.sh', 'src/'],
      });
      expect(await sandbox.read('link.js', 100)).toMatchObject({ kind: 'file' });
      expect(await sandbox.read('nope/a', 100)).toEqual({ kind: 'absent' });
      for (const path of ['../etc/passwd', '/etc/passwd', '/workspace/../etc/passwd', '/workspacex', 'a\0b'])
        expect(await sandbox.read(path, 100)).toMatchObject({ kind: 'refused' });
      await sandbox.exec(
        'ln -s /etc etc; ln -s /etc/passwd p; ln -s /tmp out; mkfifo fifo; mkdir dir',
        within,
      );
      for (const path of ['etc/passwd', 'p', 'fifo'])
        expect(await sandbox.read(path, 100)).toMatchObject({ kind: 'refused' });
      for (const path of ['out/x', 'p', 'fifo', 'dir', '/tmp/x', '../x'])
        expect(await sandbox.write(path, 'x')).toMatchObject({ kind: 'refused' });
    }));

  test('carry any text, make folders, keep modes', () =>
    inside(async (sandbox) => {
      const text = `'%s' \\n $HOME\n\u00e9\u{1f600}\u0081\n`.repeat(20_000);
      expect(await sandbox.write("a b/it's/-n", text)).toEqual({ kind: 'written' });
      expect(await sandbox.read("a b/it's/-n", 10_000_000)).toEqual({
        kind: 'file',
        content: text,
        truncated: false,
      });
      expect(await sandbox.write('run.sh', '#!/bin/sh\necho again\n')).toEqual({ kind: 'written' });
      expect(await sandbox.exec('./run.sh', within)).toMatchObject({ output: 'again\n' });
      expect(await sandbox.write('empty', '')).toEqual({ kind: 'written' });
      expect(await sandbox.read('empty', 10)).toMatchObject({ content: '' });
      expect(await sandbox.write('nul', 'a\0b')).toMatchObject({ kind: 'refused' });
    }));
});

describe('a killed attempt', () => {
  test('goes on with the workspace as it was', async () => {
    let tar: Uint8Array | undefined;
    let before = '';
    const state = 'find . -path ./.git -prune -o -printf "%p %m %s %T@ %l\\n" | sort';
    await inside(async (sandbox) => {
      const work = [
        'rm README.md',
        'rm -r src; mkdir src; echo new > src/b.js', // an opaque folder
        'chmod 600 link.js run.sh; ln -s nowhere broken; mkdir -m 700 empty; mkfifo pipe',
        'head -c 100000 /dev/urandom > random; ln random hard; git add -A; git commit -qm made',
      ];
      expect(await sandbox.exec(work.join(' && '), within)).toMatchObject({ exitCode: 0 });
      const snapshot = await sandbox.snapshot();
      if (snapshot.kind !== 'snapshot') throw new Error(snapshot.kind);
      tar = snapshot.tar;
      const result = await sandbox.exec(state, within);
      before = result.kind === 'exited' ? result.output : '';
      await sandbox.kill('the runner was killed');
    });
    expect(before).toContain('./src/b.js');
    expect(before).not.toContain('a.js ');
    await inside(
      async (sandbox) => {
        expect(await sandbox.exec(state, within)).toMatchObject({ output: before });
        expect(await sandbox.exec('git status --short; git log --format=%s', within)).toMatchObject({
          output: `made\nsnapshot ${checkout.tree}\n`,
        });
        expect((await sandbox.snapshot()).kind).toBe('snapshot'); // the commands above touched .git
        expect(await sandbox.extract()).toMatchObject({ kind: 'change' });
      },
      { ...(tar === undefined ? {} : { restore: tar }) },
    );
  });

  test('whose workspace cannot be kept says so', () =>
    inside(async (sandbox) => {
      const nest = 'n=$(printf %0200d 0); for i in $(seq 1 30); do mkdir $n && cd -P $n || exit 1; done';
      expect(await sandbox.exec(nest, within)).toMatchObject({ exitCode: 0 });
      expect(await sandbox.snapshot()).toMatchObject({
        kind: 'refused',
        reason: expect.stringContaining('kept'),
      });
      expect(await sandbox.extract()).toMatchObject({ kind: 'empty' });
    }));

  test('is not restored from a tar that is no snapshot', async () => {
    const asked = { run: 'run_1', attempt: 'att_1', purpose: 'test', checkout };
    for (const restore of [Buffer.from('x'.repeat(2_000)), Buffer.alloc(100, 1)])
      expect(await factory.sandboxes.open({ ...asked, restore })).toMatchObject({ code: 'bad_snapshot' });
  });
});

test('an archive holds the workspace, and what is unpacked from it runs', async () => {
  let tar: Uint8Array = new Uint8Array();
  await inside(async (sandbox) => {
    await sandbox.exec('echo built > built.txt; mkdir skip; echo x > skip/x', within);
    const made = await sandbox.archive({ exclude: ['skip'] });
    if (made.kind !== 'archive') throw new Error(made.reason);
    tar = made.tar;
  });
  const unpacked = await factory.sandboxes.unpack(tar);
  if (unpacked.kind !== 'checkout') throw new Error(unpacked.reason);
  await inside(
    async (sandbox) => {
      const seen = await sandbox.exec('pwd; ls -A; cat built.txt', within);
      expect(seen).toMatchObject({ output: '/app\nREADME.md\nbuilt.txt\nlink.js\nrun.sh\nsrc\nbuilt\n' });
      const again = await sandbox.archive();
      expect(again.kind === 'archive' && Buffer.from(again.tar).equals(Buffer.from(tar))).toBe(true);
    },
    { checkout: unpacked.checkout, root: '/app' },
  );
});

test('another image is confined alike: its user, entry point and volumes do not count, and sh is enough', async () => {
  const { docker } = factory.sandboxes.engine;
  const source = await docker.createContainer({
    Image: factory.sandboxes.image,
    User: '0',
    Cmd: ['sh', '-c', 'rm /bin/bash'],
    HostConfig: { NetworkMode: 'none' },
  });
  await source.start();
  await source.wait();
  const changes = ['USER 0', 'VOLUME /data', 'ENTRYPOINT ["/bin/false"]', 'CMD []'];
  const made: { Id: string } = await source.commit({ repo: factory.factory, tag: 'other', changes });
  await source.remove();
  try {
    const image = await factory.sandboxes.resolveImage(`${factory.factory}:other`);
    if (image.kind === 'refused') throw new Error(image.reason);
    await inside(
      async (sandbox) => {
        const seen = await sandbox.exec(
          'id -u; stat -f -c %T /data; head -c 20M /dev/zero > /data/x; echo $0',
          within,
        );
        expect(seen).toMatchObject({
          output: expect.stringMatching(/^10001\ntmpfs\n.*No space left.*\n\/bin\/sh\n$/),
        });
        expect(await sandbox.write('a', 'b')).toEqual({ kind: 'written' });
        expect(await sandbox.extract()).toMatchObject({ kind: 'change', paths: [{ path: 'a' }] });
      },
      { image: image.id },
    );
  } finally {
    await docker.getImage(made.Id).remove({ force: true });
  }
});

test('an image that is not there, and one that is', async () => {
  expect(await factory.sandboxes.resolveImage('no/such:image')).toMatchObject({
    kind: 'refused',
    code: 'no_image',
  });
  expect(await factory.sandboxes.resolveImage()).toEqual({ kind: 'image', id: factory.sandboxes.image });
});

describe('commands beside the others', () => {
  const started = async (sandbox: Sandbox, command: string) => {
    const made = await sandbox.start(command);
    if (made.kind === 'refused') throw new Error(made.reason);
    return made.command;
  };
  const left = async (container: string) => {
    const { docker } = factory.sandboxes.engine;
    const label = (await docker.getContainer(container).inspect()).Config.Labels['millwright.attempt'];
    return async () => {
      const filters = { label: [`millwright.attempt=${label}`] };
      return (await docker.listContainers({ filters })).length;
    };
  };

  test('share files and loopback, are read in pieces, stand still for a snapshot and end with the sandbox', async () => {
    let count = async () => -1;
    await inside(
      async (sandbox) => {
        count = await left(sandbox.container);
        const server = await started(
          sandbox,
          `node -e 'require("http").createServer((q, s) => { console.log(q.url); s.end("served\\n") }).listen(4321, () => console.log("listens"))'`,
        );
        await expect.poll(() => server.read().output).toBe('listens\n');
        const ask = `node -e 'fetch("http://127.0.0.1:4321/a").then((r) => r.text()).then(console.log)'`;
        expect(await sandbox.exec(ask, within)).toMatchObject({ exitCode: 0, output: 'served\n\n' });
        await expect.poll(() => server.read()).toMatchObject({ output: '/a\n', ended: null });

        const writer = await started(sandbox, 'while :; do echo x >>grows.txt; done');
        await expect.poll(async () => (await sandbox.read('grows.txt', 64)).kind).toBe('file');
        expect((await sandbox.snapshot()).kind).toBe('snapshot');
        await writer.stop();
        expect(writer.read().ended).toBe('stopped');
        const size = 'wc -c <grows.txt; sleep 0.2; wc -c <grows.txt';
        const sizes = await sandbox.exec(size, within);
        expect(sizes.kind === 'exited' && new Set(sizes.output.trim().split('\n')).size).toBe(1);

        const short = await started(sandbox, 'echo said; exit 3');
        await expect.poll(() => short.read()).toMatchObject({ ended: 'exit code 3' });
        await expect.poll(count).toBe(2);
      },
      { attempt: 'att_beside_1' },
    );
    expect(await count()).toBe(0);
  });

  test('are as confined, and no more than four at a time', () =>
    inside(
      async (sandbox) => {
        const tries = `id -u; cat /proc/self/status | grep CapEff; touch /x 2>&1 || true; node -e 'fetch("http://1.1.1.1").catch((e) => console.log(e.cause.code))'`;
        const one = await started(sandbox, tries);
        let said = '';
        await expect
          .poll(() => {
            const { output, ended } = one.read();
            said += output;
            return ended;
          })
          .toBe('exit code 0');
        expect(said).toMatch(/^10001\nCapEff:\t0000000000000000\n.*Read-only file system\nENETUNREACH\n$/s);
        for (let n = 0; n < 4; n += 1) await started(sandbox, 'sleep 1000');
        expect(await sandbox.start('true')).toMatchObject({
          kind: 'refused',
          reason: expect.stringContaining('stop one'),
        });
      },
      { attempt: 'att_beside_2' },
    ));
});
