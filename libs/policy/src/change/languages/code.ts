/**
 * What of a source is not a comment, in a form that two sources share exactly when they differ in comments and blank lines alone; or that this
 * cannot be proven, and why. A reading that fails is never taken for one that agrees.
 */
export type Code = { kind: 'code'; code: string } | { kind: 'unproven'; why: string };

/** Reads one language. Pure, linear in the source, and throws for none. */
export type Lexer = (source: string) => Code;

export const unproven = (why: string): Code => ({ kind: 'unproven', why });

/** A source over this is not read: nothing people write is. In UTF-16 units. */
export const LONGEST_SOURCE = 1_048_576;
