import { chmod, chown, copyFile, link, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Digest, RepoName } from '@millwright/domain';
import { commandTarget } from '../targets/command/target.ts';
import type { RunConfig } from '../targets/target.ts';
import { isRoot, userOf } from '../targets/users.ts';
import { openFront } from './front.ts';
import { clock, freePort, runAs, type Stand, standOf } from './stand.ts';

const SHOP = { factory: 'command', repo: RepoName.parse('shop') };
const USER = isRoot() ? { uid: userOf(SHOP, 'command'), gid: userOf(SHOP, 'command') } : null;

/** A `command` target of small scripts; `close` leaves nothing. */
export async function commandStand(): Promise<Stand> {
  const site = await mkdtemp(join(tmpdir(), 'mw-site-'));
  await chmod(site, 0o755);
  await mkdir(join(site, 'releases'));
  if (USER !== null) for (const path of [site, join(site, 'releases')]) await chown(path, USER.uid, USER.gid);
  const dataDir = await mkdtemp(join(tmpdir(), 'mw-rollback-'));
  const port = await freePort();
  const closeFront = await openFront(site, port);
  const layers = new Map<Digest, Uint8Array>();
  // The commands run as another user, who may not be able to enter the folder that this checkout lies in.
  const [node, script] = [join(site, 'node'), join(site, 'site.ts')];
  await link(process.execPath, node).catch(() => copyFile(process.execPath, node));
  await copyFile(new URL('./site.ts', import.meta.url), script);
  const argv = (verb: string) => [node, '--no-warnings', script, verb, site];
  // Asked several times a second: bash's own socket starts 20 times faster than Node.
  const ask = `exec 3<>/dev/tcp/127.0.0.1/${port}; printf 'GET /__status HTTP/1.0\\r\\n\\r\\n' >&3; sed '1,/^\\r$/d' <&3`;
  const verbs = ['deploy', 'activate', 'rollback', 'stop'].map((verb) => [verb, argv(verb)] as const);
  const commands = { ...Object.fromEntries(verbs), status: ['bash', '-c', ask] };
  const run = (more: Record<string, unknown> = {}, secrets: Record<string, string> = {}): RunConfig =>
    runAs(port, { target: 'command', commands, ...more }, secrets);
  const open = (more: Record<string, unknown> = {}, secrets: Record<string, string> = {}) =>
    commandTarget({
      ...SHOP,
      dataDir,
      run: run(more, secrets),
      clock,
      artifacts: {
        async get(digest) {
          const bytes = layers.get(digest);
          if (bytes === undefined) throw new Error(`no artifact ${digest}`);
          return bytes;
        },
      },
    });
  const target = open({ env: { GREETING: 'hello' } });
  return {
    ...standOf({ factory: 'command', dataDir, port, layers, target }),
    weighted: false,
    open,
    run,
    async close() {
      try {
        await target.remove(true);
      } finally {
        await closeFront();
        await rm(dataDir, { recursive: true, force: true });
        await rm(site, { recursive: true, force: true });
      }
    },
  };
}
