import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RepoName } from '@millwright/domain';
import { describe, expect, test } from 'vitest';
import { retire } from '../deploy/deploy.ts';
import { clock, memoryJournal, runAs, stand } from '../testing/stand.ts';
import { withStand } from '../testing/within.ts';
import { commandTarget } from './command/target.ts';
import { isRoot, type Purpose, userOf } from './users.ts';

// What one target's processes may read of another's, of the proxy's and of the factory's, seen from the host.

const docker = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim();
const commandsAt = (site: string) =>
  Object.fromEntries(
    ['deploy', 'activate', 'rollback', 'status'].map((verb) => [verb, ['sh', join(site, 'status.sh')]]),
  );
const named = (factory: string, repo = 'shop') => ({ factory, repo: RepoName.parse(repo) });

test('each target and purpose has a user of its own, none that anybody gives out, and the same every time', () => {
  const purposes: Purpose[] = ['release', 'smoke', 'proxy', 'command'];
  const all = ['a', 'b'].flatMap((factory) =>
    ['shop', 'till'].flatMap((repo) => purposes.map((purpose) => userOf(named(factory, repo), purpose))),
  );
  expect(new Set(all).size).toBe(16);
  for (const uid of all) {
    expect(uid).toBeGreaterThanOrEqual(1_879_048_192);
    expect(uid).toBeLessThan(2 ** 31 - 1);
  }
  expect(userOf(named('a'), 'release')).toBe(userOf(named('a'), 'release'));
});

describe.runIf(isRoot())('as root', () => {
  test(
    'nobody but the release reads its secrets, and nobody but the proxy and root its socket',
    {
      timeout: 120_000,
    },
    withStand(stand, async ({ at, v1, forward, answer }) => {
      const line = 'planted value\n with "quotes", $HOME and an end\n';
      const run = at.run({ secrets: ['SECRET', 'OTHER'] }, { SECRET: line, OTHER: 'second planted' });
      expect(await forward(v1, null, 1, { run })).toMatchObject({ kind: 'promoted' });
      expect(await answer()).toBe('one');
      const container = (await at.target.state()).releases[0]?.replicas[0]?.container ?? '';
      const top = docker('top', container, '-eo', 'pid,args').split('\n').slice(1);
      const pid = Number(
        top
          .find((each) => /node server\.js/.test(each) && !/init/.test(each))
          ?.trim()
          .split(/\s+/)[0],
      );
      const environ = `/proc/${pid}/environ`;
      const secret = join(at.dataDir, 'targets/shop/secrets', v1.id, 'SECRET');
      const socket = join(at.dataDir, 'targets/shop/run/admin.sock');
      // Also where somebody has opened the folders above: each guards itself.
      for (const folder of [
        '',
        'targets',
        'targets/shop',
        'targets/shop/secrets',
        `targets/shop/secrets/${v1.id}`,
      ])
        await chmod(join(at.dataDir, folder), 0o755);

      const as = (uid: number, ...args: string[]) =>
        spawnSync('setpriv', [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', ...args], {
          encoding: 'utf8',
        });
      // Another user may not be able to enter the folder that this checkout lies in.
      const node = join(at.dataDir, 'node');
      await copyFile(process.execPath, node);
      const own = userOf(named(at.factory), 'release');
      const strangers = {
        'an agent': 10_001,
        'its commands': userOf(named(at.factory), 'command'),
        'its smoke command': userOf(named(at.factory), 'smoke'),
        'another target’s release': userOf(named(at.factory, 'till'), 'release'),
        'another target’s commands': userOf(named(at.factory, 'till'), 'command'),
      };
      for (const [who, uid] of Object.entries(strangers)) {
        const read = as(uid, 'cat', environ, secret);
        expect([who, read.stdout, read.stderr.match(/Permission denied/g)?.length]).toEqual([who, '', 2]);
        const connect = `require('net').connect(${JSON.stringify(socket)}).on('connect', () => process.stdout.write('in')).on('error', (e) => process.stdout.write(e.code))`;
        expect([who, as(uid, node, '-e', connect).stdout]).toEqual([who, 'EACCES']);
      }
      expect(
        as(
          0,
          node,
          '-e',
          `require('net').connect(${JSON.stringify(socket)}).on('connect', () => { console.log('in'); process.exit() })`,
        ).stdout,
      ).toBe('in\n');
      // It is there for whose it is, to the byte, in its environment too; the engine was not told.
      expect(as(own, 'cat', secret).stdout).toBe(line);
      expect(as(own, 'cat', environ).stdout.split('\0')).toEqual(
        expect.arrayContaining([`SECRET=${line}`, 'OTHER=second planted', 'HOME=/tmp']),
      );
      expect(docker('inspect', container)).not.toContain('planted');
      expect(docker('inspect', '-f', '{{.Config.User}}', container)).toBe(`${own}:${own}`);
      const proxy = docker(
        'ps',
        '-q',
        '--filter',
        `label=millwright.factory=${at.factory}`,
        '--filter',
        'label=millwright.purpose=proxy',
      );
      const ofProxy = userOf(named(at.factory), 'proxy');
      expect(docker('inspect', '-f', '{{.Config.User}}', proxy)).toBe(`${ofProxy}:${ofProxy}`);
      // Retired and removed, nothing is left of them.
      const order = {
        release: v1.id,
        live: null,
        run,
        fence: 1,
        journal: memoryJournal(),
        clock,
        keep: [v1.id],
      };
      await retire(at.target, order);
      expect(await readdir(join(at.dataDir, 'targets/shop/secrets'))).toEqual([v1.id]);
      await at.target.remove(false);
      expect(await readdir(join(at.dataDir, 'targets/shop/secrets'))).toEqual([]);
    }),
  );

  test('two targets’ commands are two users, and a smoke command is a third, without the credential', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'mw-users-'));
    const site = join(dataDir, 'site');
    await mkdir(site);
    await chmod(dataDir, 0o755);
    await chmod(site, 0o777);
    await writeFile(
      join(site, 'status.sh'),
      `id -u >> ${site}/$MILLWRIGHT_TARGET; echo '{"serving":null,"releases":[]}'\n`,
    );
    try {
      const at = (repo: string) =>
        commandTarget({
          ...named('f', repo),
          dataDir,
          run: runAs(
            0,
            { target: 'command', expose: undefined, secrets: ['TOKEN'], commands: commandsAt(site) },
            { TOKEN: 'planted' },
          ),
          clock,
          artifacts: { get: () => Promise.reject(new Error('none')) },
        });
      for (const repo of ['shop', 'till']) {
        await at(repo).state();
        const said = execFileSync('sort', ['-u', join(site, repo)], { encoding: 'utf8' }).trim();
        expect(said).toBe(String(userOf(named('f', repo), 'command')));
        const smoked = await at(repo).smoke(
          'rel_00000001' as never,
          'id -u; echo "<$TOKEN>"',
          10_000,
          new AbortController().signal,
        );
        expect(smoked).toMatchObject({ exitCode: 0, output: `${userOf(named('f', repo), 'smoke')}\n<>\n\n` });
      }
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});
