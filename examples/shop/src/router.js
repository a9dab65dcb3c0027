import { Problem } from './problem.js';

const MAX_BODY = 64 * 1024;

async function readJson(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY) throw new Problem(413, `a body has at most ${MAX_BODY} bytes`);
    chunks.push(chunk);
  }
  if (size === 0) return {};
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new Problem(400, 'the body is not JSON');
  }
}

/** `/carts/:id` against `/carts/abc` → `{ id: 'abc' }`, or null. */
function match(pattern, path) {
  const want = pattern.split('/');
  const have = path.split('/');
  if (want.length !== have.length) return null;
  const params = {};
  for (const [i, part] of want.entries()) {
    if (part.startsWith(':')) params[part.slice(1)] = decodeURIComponent(have[i]);
    else if (part !== have[i]) return null;
  }
  return params;
}

/**
 * A request listener for routes `{ method, path, handle }`. A handler gets `{ params, query, body }` and gives back
 * `{ status?, body }`, or throws a Problem.
 */
export function router(routes) {
  return async (request, response) => {
    const answer = await respond(routes, request).catch((error) => {
      if (error instanceof Problem) return { status: error.status, body: { error: error.message } };
      console.error(error);
      return { status: 500, body: { error: 'something went wrong here' } };
    });
    const text = `${JSON.stringify(answer.body)}\n`;
    response.writeHead(answer.status ?? 200, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
    });
    response.end(request.method === 'HEAD' ? undefined : text);
  };
}

async function respond(routes, request) {
  const url = new URL(request.url, 'http://shop');
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const here = routes.flatMap((route) => {
    const params = match(route.path, url.pathname);
    return params === null ? [] : [{ ...route, params }];
  });
  if (here.length === 0) throw new Problem(404, `there is nothing at ${url.pathname}`);
  const route = here.find((one) => one.method === method);
  if (route === undefined) throw new Problem(405, `${request.method} is not possible at ${url.pathname}`);
  const body = method === 'GET' ? {} : await readJson(request);
  return route.handle({ params: route.params, query: url.searchParams, body });
}
