import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';

const CLEAN = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/**
 * Runs one of the host's own tools by argument list, with an environment of its own; 60 s and `maxBytes` at most, else it throws.
 * Never a tool of the workspace, and never a shell.
 */
export function hostTool(
  tool: 'mount' | 'umount' | 'tar' | 'rm' | 'nsenter',
  args: readonly string[],
  { maxBytes = 1_048_576, stdin }: { maxBytes?: number; stdin?: Uint8Array } = {},
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      tool,
      [...args],
      { env: CLEAN, encoding: 'buffer', maxBuffer: maxBytes, timeout: 60_000, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else
          reject(
            Object.assign(new Error(`${tool} failed: ${stderr.toString('utf8').trim() || error.message}`), {
              code: error.code,
            }),
          );
      },
    );
    // A tool that ends without having read its input is no failure, and is not killed for it: its exit code says how it went.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(stdin ?? '');
  });
}

/**
 * Removes a folder that a container could write to. By rm(1), which goes by descriptors: Node's own takes whole paths, and so fails on
 * folders nested deeper than a path may be long. Nothing mounted below is entered.
 */
export async function removeTree(folder: string): Promise<void> {
  await hostTool('rm', ['-rf', '--one-file-system', '--', folder]);
}

/** Whether this host has what brings up another namespace's loopback: util-linux and iproute2. */
export async function canRaiseLoopback(): Promise<boolean> {
  return hostTool('nsenter', ['--net=/proc/self/ns/net', 'ip', 'link', 'show', 'lo']).then(
    () => true,
    () => false,
  );
}

/**
 * How long, in ms since it booted, some task of this machine was ready and had no processor; null where its kernel does not count that.
 * Source: https://docs.kernel.org/accounting/psi.html
 */
export function stalledHere(): number | null {
  try {
    const total = /^some .*total=(\d+)$/m.exec(readFileSync('/proc/pressure/cpu', 'utf8'))?.[1];
    return total === undefined ? null : Number(total) / 1_000;
  } catch {
    return null; // no such file: the clock alone counts
  }
}
