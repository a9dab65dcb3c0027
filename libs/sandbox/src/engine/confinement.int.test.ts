import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Sandbox } from '../sandboxes.ts';
import { bundleOf, nth } from '../testing/bundle.ts';
import { testSandboxes } from '../testing/factory.ts';
import { within } from '../testing/sandbox.ts';

// Each measure that confines a sandbox, and a command that tries to break it from inside. One sandbox: none of it may leave a trace.

/** Numbers of system calls that no program in the image makes for us. */
const [PTRACE, ADD_KEY] = process.arch === 'arm64' ? [117, 217] : [101, 248];

let factory: Awaited<ReturnType<typeof testSandboxes>>;
let sandbox: Sandbox;

beforeAll(async () => {
  factory = await testSandboxes();
  const { bundle, trees } = await bundleOf({ 'README.md': '# A\n' });
  const checkout = await factory.sandboxes.checkout(bundle, nth(trees, 0));
  if (checkout.kind === 'refused') throw new Error(checkout.reason);
  const opened = await factory.sandboxes.open({
    run: 'run_1',
    attempt: 'att_1',
    purpose: 'test',
    checkout: checkout.checkout,
  });
  if (opened.kind === 'refused') throw new Error(opened.reason);
  sandbox = opened.sandbox;
});
afterAll(async () => {
  await sandbox.destroy();
  await factory.end();
});

const say = async (command: string): Promise<string> => {
  const result = await sandbox.exec(command, within);
  if (result.kind === 'gone') throw new Error(result.reason);
  return result.output;
};
/** A JavaScript expression's outcome inside: 'yes' when it resolves, an error's code otherwise. */
const node = (expression: string) =>
  say(
    `node -e '(async () => ${expression})().then(() => "yes", (e) => e.code ?? e.message).then((said) => { console.log(said); process.exit(); })'`,
  );
const dial = (host: string, port: number) =>
  node(`new Promise((ok, no) => require("net").connect({ host: "${host}", port: ${port}, timeout: 3000 }, ok)
    .on("error", no).on("timeout", () => no(new Error("timeout"))))`);

test('localhost is the sandbox itself, for a server and by name', async () => {
  const served = `const server = require("http").createServer((q, a) => a.end("mine")).listen(0, () =>
    fetch("http://localhost:" + server.address().port).then((a) => a.text()).then(console.log).finally(() => server.close()))`;
  expect(await say(`node -e '${served}'; cat /etc/resolv.conf`)).toBe('mine\n');
});

test('the only interface is loopback, and the network is reachable by no protocol', async () => {
  expect(await say('ls /sys/class/net')).toBe('lo\n');
  expect(await say('cat /proc/net/route | wc -l; cat /proc/net/ipv6_route | grep -v " lo$"; true')).toBe(
    '1\n',
  );
  // A server of the host's, on every address the host has.
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const hosts = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter((each) => each.family === 'IPv4')
    .map((each) => each.address);
  for (const host of [...hosts, '1.1.1.1', '169.254.169.254']) {
    const got = await dial(host, host === '169.254.169.254' ? 80 : port);
    expect(`${host} ${got}`).toMatch(/ENETUNREACH|ECONNREFUSED/);
  }
  for (const host of ['2606:4700:4700::1111', 'fd00:ec2::254'])
    expect(await dial(host, 80)).toMatch(/ENETUNREACH|EADDRNOTAVAIL/);
  await new Promise((resolve) => server.close(resolve));
  expect(await node('require("dns").promises.resolve4("example.com")')).toMatch(
    /ECONNREFUSED|ESERVFAIL|EAI_AGAIN|ETIMEOUT/,
  );
  expect(
    await node(
      `new Promise((ok, no) => require("dgram").createSocket("udp4").send("x", 53, "8.8.8.8", (e) => e ? no(e) : ok()))`,
    ),
  ).toBe('ENETUNREACH\n');
  expect(
    await say('python3 -c "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)" 2>&1 | tail -1'),
  ).toContain('Operation not permitted');
});

test('the root is read-only, and only the workspace and tmpfs can be written', async () => {
  for (const path of [
    '/x',
    '/etc/x',
    '/usr/bin/x',
    '/home/agent/x',
    '/.millwright/x',
    '/.millwright/sh',
    '/dev/x',
    '/sys/x',
    '/proc/sys/kernel/core_pattern',
  ])
    expect(await say(`echo x 2>&1 > ${path}`)).toMatch(
      /Read-only|Permission denied|No such file|Directory nonexistent/,
    );
  const writable = await say(`awk '$4 ~ /(^|,)rw(,|$)/ { print $3, $2 }' /proc/mounts | sort`);
  const kinds = writable
    .split('\n')
    .filter((line) => line !== '' && !/^(proc|sysfs|cgroup|devpts|mqueue|tmpfs|overlay) /.test(line));
  expect(kinds).toEqual([]);
  expect(writable).toContain('overlay /workspace');
  expect(writable).not.toContain('overlay /\n');
});

test('it is nobody, has nothing, and cannot become anybody', async () => {
  const status = await say(
    'grep -E "^(Uid|Gid|Groups|Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):" /proc/self/status',
  );
  expect(status.replace(/[\t ]+/g, ' ')).toBe(
    [
      'Uid: 10001 10001 10001 10001',
      'Gid: 10001 10001 10001 10001',
      'Groups: 10001 ',
      ...['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map((set) => `Cap${set}: 0000000000000000`),
      'NoNewPrivs: 1',
      'Seccomp: 2',
      '',
    ].join('\n'),
  );
  expect(await say('find / -xdev -perm /6000 -type f 2>/dev/null')).toBe('');
  expect(await say('cp /usr/bin/id mine && chmod 6755 mine && ./mine -u')).toBe('10001\n');
  expect(await say('chown 0 mine 2>&1; su root -c id 2>&1; true')).not.toContain('uid=0');
});

test('no mount, namespace, device, module, key or reboot', async () => {
  const tries: [command: string, expected: RegExp][] = [
    ['mount -t tmpfs none /tmp', /denied|permitted|must be superuser/],
    ['umount /workspace', /denied|permitted|must be superuser/],
    ['unshare -Ur id', /not permitted|denied/],
    ['unshare -n id', /not permitted|denied/],
    ['mknod dev b 8 0', /not permitted|denied/],
    [`perl -e 'print syscall(${ADD_KEY}, 0, 0, 0, 0, 0), " ", $! + 0, "\n"'`, /^-1 1$/m],
    ['chroot / id', /not permitted|denied/],
    ['hostname other', /denied|permitted|must be/],
    ['nsenter -t 1 -m id', /denied|permitted/],
    ['date -s 2001-01-01', /not permitted/],
    ['dmesg', /denied|permitted/],
  ];
  for (const [command, expected] of tries) expect(await say(`${command} 2>&1; true`)).toMatch(expected);
  expect(await say('ls -l /dev | grep -E "^b|mem|kvm|fuse|loop"; true')).toBe('');
});

test('nothing of the host or its engine is in sight', async () => {
  expect(
    await say(
      'ls /var/run/docker.sock /run/docker.sock /run/containerd 2>&1 | grep -v "cannot access"; true',
    ),
  ).toBe('');
  expect(await say('find / -xdev -type s 2>/dev/null')).toBe('');
  // Its own processes alone: PID 1 is the tool process.
  expect(await say('ls -d /proc/[0-9]* | wc -l')).toMatch(/^[2-6]\n$/);
  expect(await say('cat /proc/1/environ /proc/1/maps /proc/1/mem 2>&1 | grep -c "Permission denied"')).toBe(
    '3\n',
  );
  expect(await say('cat /proc/kcore /proc/keys /proc/timer_list 2>&1 | wc -c')).toMatch(/^\d{1,3}\n$/);
  expect(await say('env | sort | cut -d= -f1')).toBe(
    `${['GIT_OPTIONAL_LOCKS', 'GIT_TERMINAL_PROMPT', 'HOME', 'HOSTNAME', 'LANG', 'LC_CTYPE', 'PATH', 'PWD', 'SHELL', 'SHLVL', 'TERM', '_'].join('\n')}\n`,
  );
  expect(await say('hostname')).toBe('sandbox\n');
});

test('ptrace reaches its own children and nothing else', async () => {
  const attach = (pid: string) =>
    `perl -e 'print syscall(${PTRACE}, 16, $ARGV[0] + 0, 0, 0), " ", $! + 0, "\n"' ${pid}`;
  expect(await say(attach('1'))).toBe('-1 1\n');
  expect(await say(attach('$PPID'))).toMatch(/^-1 (1|3)\n$/);
});
