import { LineCounter, parseDocument } from 'yaml';

/** Uses of anchors in one document, all of them together. */
const MOST_ALIASES = 10;
const TOO_DEEP = 'it is nested too deep';

/** A document's value, with where its keys stand; or what is wrong, and on which line (from 1). */
export type Yaml =
  | { kind: 'value'; value: unknown; document: ReturnType<typeof parseDocument>; lines: LineCounter }
  | { kind: 'broken'; line: number; message: string };

/** Reads YAML that anybody may have written: aliases that multiply and nesting without end are mistakes like others, and cost nothing first. */
export function boundedYaml(text: string): Yaml {
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
    const [error] = document.errors;
    if (error) {
      const message = error.code === 'RESOURCE_EXHAUSTION' ? TOO_DEEP : error.message;
      return { kind: 'broken', line: lines.linePos(error.pos[0]).line, message };
    }
    return { kind: 'value', value: document.toJS({ maxAliasCount: MOST_ALIASES }) ?? {}, document, lines };
  } catch (error) {
    if (error instanceof ReferenceError)
      return {
        kind: 'broken',
        line: 1,
        message: `its aliases (*name) stand for too much: at most ${MOST_ALIASES} are taken`,
      };
    if (error instanceof RangeError) return { kind: 'broken', line: 1, message: TOO_DEEP };
    throw error;
  }
}
