import { type Found, lineFinder, newIn } from './difference.ts';
import type { Irreversible } from './irreversible.ts';
import { isDocument, isTest } from './paths.ts';

// A public endpoint that goes takes its callers' data with it, and they cannot be called back. Found by how the common frameworks write
// one: `app.get('/x'`, `@Get('/x')`, `{ method: 'GET', path: '/x'`, a path of an OpenAPI description, a route file by its name.

const VERB = 'get|post|put|patch|delete|options|all';
const PATH = '["\'`](/[^"\'`\\s]{0,400})["\'`]';
/** Only receivers that serve: `client.get('/x')` asks. */
const CALL = new RegExp(
  `\\b(?:app|api|router|server|fastify|routes?)\\s{0,80}\\.\\s{0,80}(${VERB})\\s{0,80}(?:<[^>]{0,200}>)?\\(\\s{0,80}${PATH}`,
  'gi',
);
const DECORATOR = new RegExp(`@(${VERB})\\(\\s{0,80}${PATH}`, 'gi');
const RECORD = new RegExp(
  `\\bmethod\\s{0,80}:\\s{0,80}["'\`](${VERB})["'\`]\\s{0,80},\\s{0,80}(?:path|url|route)\\s{0,80}:\\s{0,80}${PATH}`,
  'gi',
);
const OPENAPI_FILE = /(^|\/)(openapi|swagger)[^/]*\.(ya?ml|json)$/i;
const OPENAPI_PATH = /^[ \t]{0,6}["']?(\/[^"'\s:]{0,400})["']?[ \t]{0,20}:[ \t]{0,20}\{?[ \t]{0,20}\r?$/gm;

type Endpoint = Found & { name: string };

/** A route may be written over several lines; each is reported at the line it starts on. */
const endpointsOf = (path: string) =>
  function* (text: string): Generator<Endpoint> {
    for (const pattern of [CALL, DECORATOR, RECORD])
      for (const { 1: verb = '', 2: route = '', index } of text.matchAll(pattern)) {
        const name = `${verb.toUpperCase()} ${route}`;
        yield { at: index, key: name, name };
      }
    if (OPENAPI_FILE.test(path))
      for (const { 1: name = '', index } of text.matchAll(OPENAPI_PATH)) yield { at: index, key: name, name };
  };

/** Endpoints that the change takes away: of a file that no longer has them, and new in no other. Tests and documents serve nothing. */
export function removedEndpoints(
  changed: readonly { path: string; before: string; after: string }[],
): Irreversible[] {
  const files = changed.filter(({ path }) => !isTest(path) && !isDocument(path));
  const added = new Set(
    files.flatMap(({ path, before, after }) =>
      newIn(before, after, endpointsOf(path)).map(({ name }) => name),
    ),
  );
  return files.flatMap(({ path, before, after }) => {
    const lineOf = lineFinder(before);
    return newIn(after, before, endpointsOf(path))
      .filter(({ name }) => !added.has(name))
      .map(({ at, name }) => ({
        path,
        line: lineOf(at),
        statement: 'public endpoint removed',
        what: `removes endpoint \`${name.slice(0, 200)}\``,
      }));
  });
}
