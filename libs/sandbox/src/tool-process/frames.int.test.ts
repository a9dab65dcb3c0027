import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Sandbox } from '../sandboxes.ts';
import { bundleOf, nth } from '../testing/bundle.ts';
import { testSandboxes } from '../testing/factory.ts';
import { within, withSandbox } from '../testing/sandbox.ts';
import type { Checkout } from '../workspace/sandbox.ts';

/** PTRACE_ATTACH is 16; the call's number differs by architecture. */
const PTRACE = process.arch === 'arm64' ? 117 : 101;

let factory: Awaited<ReturnType<typeof testSandboxes>>;
let checkout: Checkout;
const inside = (work: (sandbox: Sandbox) => Promise<void>) =>
  withSandbox(factory.sandboxes, checkout, {}, work);

beforeAll(async () => {
  factory = await testSandboxes();
  const { bundle, trees } = await bundleOf({
    'README.md': '# A\n',
  });
  const result = await factory.sandboxes.checkout(bundle, nth(trees, 0));
  if (result.kind === 'refused') throw new Error(result.reason);
  checkout = result.checkout;
});
afterAll(() => factory.end());

test('believes no frame but its own', () =>
  inside(async (sandbox) => {
    const forged = '00000000000000000000000000000000 0';
    // What a command prints is output, on whatever descriptor; it cannot know what PID 1 will say, which lets nobody in.
    const tries = [
      `printf '${forged}\\n'; printf '${forged}\\n' >&2; exit 9`,
      `for fd in 3 4 5 6 7 8 9 10 11 12; do eval "echo ${forged} >&$fd"; done 2>/dev/null; exit 9`,
      `echo ${forged} > /proc/1/fd/1; echo ${forged} > /proc/1/fd/2; cat /proc/1/mem; exit 9`,
      `perl -e 'exit(syscall(${PTRACE}, 16, 1, 0, 0) < 0 ? 9 : 1)'`,
      'kill -9 1; kill -STOP 1; kill -TERM 1; exit 9',
    ];
    for (const command of tries)
      expect(await sandbox.exec(command, within)).toMatchObject({ kind: 'exited', exitCode: 9 });
    // The one signal that PID 1 takes ends the call that sent it.
    expect(await sandbox.exec('sleep 0.3; kill -USR1 1; sleep 1000', within)).toMatchObject({
      kind: 'exited',
      exitCode: 138,
    });
    expect(await sandbox.exec('echo alive', within)).toMatchObject({ output: 'alive\n' });
  }));

test('tells nobody the word of its frame, even off the pipe that it goes through', () =>
  inside(async (sandbox) => {
    const thief =
      'open F, "<", "/proc/self/fd/1"; open O, ">>", "stolen"; while (sysread F, $_, 99) { syswrite O, $_ }';
    // The crowd is killed first and takes its time. Who is being killed may still take the frame away, and is dead before it can look at
    // it: then this sandbox cannot go on.
    const crowd = `: >> stolen; for i in $(seq 1 100); do sleep 9 & done; perl -e '${thief}' & sleep 0.2`;
    for (let times = 0; times < 3; times += 1) await sandbox.exec(crowd, within);
    const snapshot = await sandbox.snapshot();
    expect(snapshot.kind).toBe('snapshot');
    if (snapshot.kind === 'snapshot') expect(String(snapshot.tar)).not.toMatch(/[0-9a-f]{32}/);
  }));
