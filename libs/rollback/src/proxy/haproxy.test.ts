import { ReleaseId } from '@millwright/domain';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { commandsFor, difference } from './apply.ts';
import { NO_RECORD, parseConfig, parseServerName, renderConfig, type Server, weightOf } from './config.ts';
import { countersByRelease, parseStats, type ServerStat, serves } from './stats.ts';

const [a, b, c] = ['rel_aaaaaaaa', 'rel_bbbbbbbb', 'rel_cccccccc'].map((id) => ReleaseId.parse(id)) as [
  ReleaseId,
  ReleaseId,
  ReleaseId,
];
const server = (release: ReleaseId, weight: number, replica = 1): Server => ({
  release,
  replica,
  address: `10.0.0.${replica}`,
  port: 8080,
  weight,
});
const stat = (of: Server, status = 'no check'): ServerStat => ({
  ...of,
  address: `${of.address}:${of.port}`,
  status,
  current: 0,
  counters: { requests: 0, errors: 0, sessions: 0 },
});

test('the configuration carries its own record', () => {
  const record = { ...NO_RECORD, fence: 7, expose: 18_080, servers: [server(a, 256), server(b, 0, 2)] };
  expect(parseConfig(renderConfig(record))).toEqual(record);
  expect(parseConfig('global\n')).toBeNull();
  expect(parseConfig('# millwright {"fence":')).toBeNull();
});

test('weights keep the share that was asked for, whatever the replicas', () => {
  expect([0, 1, 50, 100].map((percent) => weightOf(percent, 1))).toEqual([0, 3, 128, 256]);
  expect(weightOf(1, 16)).toBe(1);
  expect(weightOf(100, 2)).toBe(128);
});

test('only our servers are read from the statistics, by column name', () => {
  const csv = [
    '# pxname,svname,scur,stot,econ,eresp,status,weight,hrsp_2xx,hrsp_5xx,addr,req_tot,',
    'users,FRONTEND,1,9,,,OPEN,,0,0,,9,',
    `app,${a}.1,2,40,1,2,no check,256,44,3,10.0.0.1:8080,50,`,
    `app,${a}.2,0,10,0,0,MAINT,256,10,0,10.0.0.2:8080,10,`,
    'app,BACKEND,0,40,0,0,UP,256,54,3,,40,',
  ].join('\n');
  const stats = parseStats(csv);
  expect(stats.map((each) => [each.replica, each.current, each.weight, serves(each)])).toEqual([
    [1, 2, 256, true],
    [2, 0, 256, false],
  ]);
  expect(countersByRelease(stats)).toEqual(new Map([[a, { requests: 60, errors: 6, sessions: 50 }]]));
});

test('names that are not a release are nobody’s', () => {
  expect(parseServerName(`${a}.12`)).toEqual({ release: a, replica: 12 });
  for (const name of ['BACKEND', 'rel_x.1', `${a}`, `${a}.`, `${a}.1;shutdown`])
    expect(parseServerName(name)).toBeNull();
});

test('what gains traffic comes before what loses it', () => {
  const commands = commandsFor([stat(server(a, 256)), stat(server(c, 0))], [server(b, 256), server(a, 0)]);
  expect(commands).toEqual([
    `add server app/${b}.1 10.0.0.1:8080 weight 256 pool-purge-delay 1s`,
    `set server app/${b}.1 state ready`,
    `set server app/${a}.1 weight 0`,
    `set server app/${c}.1 state maint`,
    `shutdown sessions server app/${c}.1`,
    `del server app/${c}.1`,
  ]);
});

/** The three commands that matter, on a model of HAProxy. */
function play(now: readonly ServerStat[], commands: readonly string[]): ServerStat[][] {
  const states = new Map(now.map((each) => [`app/${each.release}.${each.replica}`, each]));
  const history: ServerStat[][] = [];
  for (const command of commands) {
    const [verb, , path = '', ...rest] = command.split(' ');
    const known = states.get(path);
    const name = parseServerName(path.slice(4));
    if (verb === 'add' && name)
      states.set(path, {
        ...stat({ ...server(name.release, Number(rest[2]), name.replica) }, 'MAINT'),
        address: rest[0] ?? '',
      });
    if (verb === 'del') states.delete(path);
    if (verb === 'set' && known) {
      if (rest[0] === 'weight') states.set(path, { ...known, weight: Number(rest[1]) });
      if (rest[0] === 'addr') states.set(path, { ...known, address: `${rest[1]}:${rest[3]}` });
      if (rest[0] === 'state')
        states.set(path, { ...known, status: rest[1] === 'ready' ? 'no check' : 'MAINT' });
    }
    history.push([...states.values()]);
  }
  return history;
}

test('from any state to any wanted one: it gets there, and somebody serves at every moment between', () => {
  const servers = fc.uniqueArray(
    fc.record({
      release: fc.constantFrom(a, b, c),
      replica: fc.integer({ min: 1, max: 2 }),
      weight: fc.constantFrom(0, 51, 256),
    }),
    { selector: ({ release, replica }) => `${release}${replica}` },
  );
  fc.assert(
    fc.property(servers, servers, fc.constantFrom('no check', 'MAINT'), (from, to, status) => {
      const now = from.map((each) => stat(server(each.release, each.weight, each.replica), status));
      const wanted = to.map((each) => server(each.release, each.weight, each.replica));
      const history = play(now, commandsFor(now, wanted));
      const last = history.at(-1) ?? now;
      if (difference(last, wanted) !== null) return false;
      if (!now.some(serves) || !wanted.some((each) => each.weight > 0)) return true;
      return history.every((moment) => moment.some(serves));
    }),
    { numRuns: 2_000 },
  );
});
