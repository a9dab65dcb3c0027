import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import { BASE } from '@millwright/api';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** What `apps/console` is built into: index.html, and files below assets/ that are named by what is in them. */
const BUILT = join(import.meta.dirname, '../../../console/.built');

/** Nothing but files from here is run, shown or asked; no other page frames one of these, and none is told where somebody came from. */
const HEADERS = {
  'content-security-policy':
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

const NOT_BUILT = `<!doctype html><html lang="en"><title>Millwright</title>
<h1>The console is not built here</h1>
<p>In the factory's checkout: <code>npm run setup</code>. Then load this page again.</p>
<p>The command line and the API go on without it.</p>
`;

/** Whether a request is for one of the console's files, which are nobody's secret: whoever asks need not be known. */
export const isConsole = ({ routeOptions, params }: FastifyRequest): boolean =>
  routeOptions.config.console === true && !isApi((params as { '*'?: string })['*'] ?? '');
/** What the API does not have is no page. */
const isApi = (path: string): boolean => `/${path}/`.startsWith(`${BASE}/`);

/** The console's files, and its page at every address that neither they nor the API have: which page that is, is told there. */
export async function serveConsole(app: FastifyInstance, built = BUILT): Promise<void> {
  await app.register(fastifyStatic, { root: built, serve: false, cacheControl: false, index: false });
  const page = (reply: FastifyReply) =>
    existsSync(join(built, 'index.html'))
      ? reply.headers({ ...HEADERS, 'cache-control': 'no-cache' }).sendFile('index.html')
      : reply
          .code(503)
          .headers({ ...HEADERS, 'cache-control': 'no-store' })
          .type('text/html')
          .send(NOT_BUILT);
  app.get('/', { config: { console: true } }, (_request, reply) => page(reply));
  app.get<{ Params: { '*': string } }>('/*', { config: { console: true } }, (request, reply) => {
    const path = request.params['*'];
    if (isApi(path)) return reply.callNotFound();
    if (!path.startsWith('assets/')) return page(reply);
    return reply
      .headers({ ...HEADERS, 'cache-control': 'public, max-age=31536000, immutable' })
      .sendFile(path);
  });
}

declare module 'fastify' {
  interface FastifyContextConfig {
    console?: true;
  }
}
