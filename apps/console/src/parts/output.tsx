import { AnsiUp } from 'ansi_up';
import { useMemo } from 'react';

/** What a program printed, in the colours that it asked for. */
export function Output({ text }: { text: string }) {
  const html = useMemo(() => {
    const colours = new AnsiUp();
    colours.use_classes = true;
    return colours.ansi_to_html(text);
  }, [text]);
  // biome-ignore-start lint/security/noDangerouslySetInnerHtml: ansi_up escapes the text, and writes nothing but spans
  // biome-ignore-start lint/a11y/noNoninteractiveTabindex: what scrolls is scrolled by keys too
  return <pre className="output" tabIndex={0} dangerouslySetInnerHTML={{ __html: html }} />;
  // biome-ignore-end lint/a11y/noNoninteractiveTabindex: as above
  // biome-ignore-end lint/security/noDangerouslySetInnerHtml: as above
}
