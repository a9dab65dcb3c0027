import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommitAndTree } from '@millwright/domain';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Repository } from './repository.ts';

// git's own http-backend behind a real TLS server that asks for a password, as hosts of private repositories do.

const TOKEN = 'tok_0123456789abcdef';
const root = mkdtempSync(join(tmpdir(), 'millwright-https-'));
const asked: { authorization: string | undefined; host: string | undefined }[] = [];
const servers: Server[] = [];

/** Runs git http-backend as CGI (RFC 3875) for one request. */
function backend(request: IncomingMessage, response: ServerResponse): void {
  const [path = '', query = ''] = (request.url ?? '').split('?');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      REMOTE_USER: 'x',
      PATH_INFO: path,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'],
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
    },
  });
  request.pipe(child.stdin);
  const out: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.on('close', () => {
    const all = Buffer.concat(out);
    const end = all.indexOf('\r\n\r\n');
    const headers = all.subarray(0, end).toString().split('\r\n');
    const status = headers.find((line) => line.startsWith('Status: '))?.slice(8, 11);
    for (const line of headers.filter((one) => !one.startsWith('Status: '))) {
      const [name = '', value = ''] = line.split(': ');
      response.setHeader(name, value);
    }
    response.writeHead(Number(status ?? 200)).end(all.subarray(end + 4));
  });
}

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(
    { key: readFileSync(join(root, 'key.pem')), cert: readFileSync(join(root, 'cert.pem')) },
    (request, response) => {
      asked.push({ authorization: request.headers.authorization, host: request.headers.host });
      answer(request, response);
    },
  );
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `https://localhost:${(server.address() as AddressInfo).port}`;
}

const authorized = ({ headers }: IncomingMessage) =>
  headers.authorization === `Basic ${Buffer.from(`x-access-token:${TOKEN}`).toString('base64')}`;

let origin: string;
let elsewhere: string;
beforeAll(async () => {
  const sh = (...args: string[]) => execFileSync('git', args, { cwd: root, stdio: 'pipe' });
  sh('init', '-q', '--bare', '-b', 'main', 'remote.git');
  sh('-C', 'remote.git', 'config', 'http.receivepack', 'true');
  sh('init', '-q', '-b', 'main', 'work');
  sh(
    '-C',
    'work',
    '-c',
    'user.name=t',
    '-c',
    'user.email=t@localhost',
    'commit',
    '-qm',
    'first',
    '--allow-empty',
  );
  sh('-C', 'work', 'push', '-q', '../remote.git', 'main');
  execFileSync(
    'openssl',
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout ${join(root, 'key.pem')} -out ${join(root, 'cert.pem')}`.split(
      ' ',
    ),
    { stdio: 'pipe' },
  );
  process.env.GIT_SSL_CAINFO = join(root, 'cert.pem');
  origin = await serve((request, response) => {
    if (authorized(request)) backend(request, response);
    else response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
  });
  elsewhere = await serve((request, response) => {
    if (request.url?.startsWith('/moved.git')) {
      response.writeHead(302, { location: `${origin}/remote.git${request.url.slice(10)}` }).end();
    } else response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
  });
});
afterAll(() => {
  delete process.env.GIT_SSL_CAINFO;
  for (const server of servers) server.close();
  rmSync(root, { recursive: true, force: true });
});

const open = (name: string, url: string, token: string | null) =>
  Repository.open(join(root, 'factory'), name, url, 'main', async () => token);

it('fetches and pushes where the server asks for a password', async () => {
  const repo = await open('private', `${origin}/remote.git`, TOKEN);
  const head = (await repo.fetch()) as CommitAndTree;
  const commit = await repo.commit(head.tree, head.commit, 'by the factory', 0);
  expect(await repo.push(commit, head.commit)).toEqual({ kind: 'pushed' });
  expect(await repo.remoteHead('main')).toBe(commit);
});

it.each([
  ['no token', null],
  ['another token', 'tok_wrong'],
])('with %s it says so and shows none', async (_, token) => {
  const repo = await open(`refused-${token}`, `${origin}/remote.git`, token);
  const fetched = await repo.fetch();
  expect(fetched).toMatchObject({
    kind: 'failed',
    code: 'unreachable',
    reason: expect.stringMatching(/Authentication failed|could not read Username|could not read Password/),
  });
  expect(JSON.stringify(fetched)).not.toContain('tok_');
});

it('is not told to another host that it is sent to', async () => {
  asked.length = 0;
  const repo = await open('moved', `${elsewhere}/moved.git`, TOKEN);
  expect(await repo.fetch()).toMatchObject({ kind: 'failed' });
  const there = new URL(origin).host;
  expect(asked.filter(({ host }) => host === there).length).toBeGreaterThan(0);
  expect(asked.filter(({ host, authorization }) => host === there && authorization !== undefined)).toEqual(
    [],
  );
});
