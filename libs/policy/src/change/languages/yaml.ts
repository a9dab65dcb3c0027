import { CST, Lexer, parseAllDocuments } from 'yaml';
import { type Code, unproven } from './code.ts';
import { isProse } from './prose.ts';

/** Longer configuration is not read: that keys are unique is looked for pair by pair. Nor are more uses of one anchor. In UTF-16 units, and a document. */
const LONGEST = 65_536;
const MOST_ALIASES = 100;

/** Everything but comments and white space, as written. What a scalar's text begins with is no comment. */
function written(source: string): { tokens: string[]; comments: string[] } {
  const tokens: string[] = [];
  const comments: string[] = [];
  let scalar = false;
  for (const token of new Lexer().lex(source)) {
    const type = scalar ? 'scalar' : CST.tokenType(token);
    scalar = token === CST.SCALAR;
    if (type === 'comment') comments.push(token);
    else if (type !== 'space' && type !== 'newline') tokens.push(token);
  }
  return { tokens, comments };
}

/** What the documents say, and every token as it is written: indentation is meaning, and so is a quote. */
export function yaml(text: string): Code {
  if (text.length > LONGEST) return unproven('too long');
  const source = text.replaceAll('\r\n', '\n');
  try {
    const documents = parseAllDocuments(source, {
      uniqueKeys: true,
      prettyErrors: false,
      logLevel: 'silent',
    });
    if (!Array.isArray(documents)) return { kind: 'code', code: JSON.stringify(written(source)) };
    if (documents.some((one) => one.errors.length > 0 || one.warnings.length > 0)) return unproven('no YAML');
    const { tokens, comments } = written(source);
    const obeyed = comments.filter(
      (comment) => !isProse(comment.replace(/^#+/, '')) || comment.startsWith('#!'),
    );
    const says = documents.map((one) => one.toJS({ maxAliasCount: MOST_ALIASES }));
    return { kind: 'code', code: JSON.stringify([says, tokens, obeyed]) };
  } catch (error) {
    // Aliases that multiply are a ReferenceError, nesting without end is a RangeError.
    if (error instanceof ReferenceError || error instanceof RangeError) return unproven(error.message);
    throw error;
  }
}
