import { AnsiUp } from 'ansi_up';
import { useMemo } from 'react';

/** Colours of a program's own choice: they would have to be styles of their own, which no page may have. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const OWN_COLOUR = /\u001b\[(?:[0-9;]*;)?[34]8;[0-9;]*m/g;

/** What a program printed, in the colours that it asked for. */
export function Output({ text }: { text: string }) {
  const html = useMemo(() => {
    const colours = new AnsiUp();
    colours.use_classes = true;
    return colours.ansi_to_html(text.replace(OWN_COLOUR, ''));
  }, [text]);
  // biome-ignore-start lint/security/noDangerouslySetInnerHtml: ansi_up escapes the text, and writes nothing but spans
  // biome-ignore-start lint/a11y/noNoninteractiveTabindex: what scrolls is scrolled by keys too
  return <pre className="output" tabIndex={0} dangerouslySetInnerHTML={{ __html: html }} />;
  // biome-ignore-end lint/a11y/noNoninteractiveTabindex: as above
  // biome-ignore-end lint/security/noDangerouslySetInnerHtml: as above
}
