/**
 * Text of others inside the prompt: `<name attr="…">\n…\n</name>`. It cannot close its own block, so whatever it says stays inside what
 * the system prompt calls data. Empty text gives no block.
 */
export function dataBlock(
  name: string,
  text: string,
  attributes: Readonly<Record<string, string>> = {},
): string {
  // The first line keeps its indentation: what is quoted is looked for as it stands.
  const body = text.replace(/^(?:[^\S\n]*\n)+/, '').trimEnd();
  if (body === '') return '';
  const safe = body.replace(new RegExp(`</(?=\\s*${name})`, 'gi'), '<\u200b/');
  const attrs = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${value.replace(/["<>\n]/g, '_')}"`,
  );
  return `<${name}${attrs.join('')}>\n${safe}\n</${name}>`;
}

/** One line, for facts that stand outside a data block. */
export const oneLine = (text: string, limit = 300): string =>
  text.replace(/\s+/g, ' ').trim().slice(0, limit);
