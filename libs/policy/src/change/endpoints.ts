import type { Irreversible } from './act.ts';
import { lineIndex, linesOf, type PatchFile } from './patch.ts';
import { isTest } from './paths.ts';

// A public endpoint that goes takes its callers' data with it, and they cannot be called back. Found by how the common frameworks write
// one: `app.get('/x'`, `@Get('/x')`, `{ method: 'GET', path: '/x'`, a path of an OpenAPI description, a route file by its name.

const VERB = 'get|post|put|patch|delete|options|all';
const PATH = '["\'`](/[^"\'`\\s]*)["\'`]';
/** Only receivers that serve: `client.get('/x')` asks. */
const CALL = new RegExp(
  `\\b(?:app|api|router|server|fastify|routes?)\\s*\\.\\s*(${VERB})\\s*(?:<[^>]*>)?\\(\\s*${PATH}`,
  'gi',
);
const DECORATOR = new RegExp(`@(${VERB})\\(\\s*${PATH}`, 'gi');
const RECORD = new RegExp(
  `\\bmethod\\s*:\\s*["'\`](${VERB})["'\`]\\s*,\\s*(?:path|url|route)\\s*:\\s*${PATH}`,
  'gi',
);
const OPENAPI_FILE = /(^|\/)(openapi|swagger)[^/]*\.(ya?ml|json)$/i;
const OPENAPI_PATH = /^\s{0,6}["']?(\/[^"'\s:]*)["']?\s*:\s*\{?\s*$/;

type Endpoint = { name: string; line: number };

/** Lines of one side are read as one text, since a route may be written over several; each is reported at the line it starts on. */
function endpointsOf(file: PatchFile, side: 'added' | 'removed'): Endpoint[] {
  const lines = linesOf(file, side);
  const text = lines.map((line) => line.text).join('\n');
  const indexOf = lineIndex(lines);
  const called = [CALL, DECORATOR, RECORD].flatMap((pattern) =>
    [...text.matchAll(pattern)].map((found) => ({
      name: `${(found[1] ?? '').toUpperCase()} ${found[2]}`,
      line: lines[indexOf(found.index)]?.line ?? 0,
    })),
  );
  const described = OPENAPI_FILE.test(file.path)
    ? lines.flatMap((line) => {
        const path = OPENAPI_PATH.exec(line.text)?.[1];
        return path === undefined ? [] : [{ name: path, line: line.line }];
      })
    : [];
  return [...called, ...described];
}

/** Endpoints that the change takes away: on a removed line, and on no added line of any file. */
export function removedEndpoints(files: readonly PatchFile[]): Irreversible[] {
  const sources = files.filter((file) => !isTest(file.path));
  const kept = new Set(sources.flatMap((file) => endpointsOf(file, 'added').map(({ name }) => name)));
  return sources.flatMap((file) =>
    endpointsOf(file, 'removed')
      .filter(({ name }) => !kept.has(name))
      .map(({ name, line }) => ({
        path: file.path,
        line,
        statement: 'public endpoint removed',
        what: `removes endpoint \`${name.slice(0, 200)}\``,
      })),
  );
}
