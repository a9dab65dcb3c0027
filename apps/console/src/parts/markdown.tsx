import { micromark } from 'micromark';
import { useMemo } from 'react';

/** What a ticket's Markdown looks like. HTML in it is text, and a picture is its words: nothing is asked of anywhere else. */
export function Markdown({ text }: { text: string }) {
  const html = useMemo(
    () =>
      micromark(text, { extensions: [{ disable: { null: ['htmlFlow', 'htmlText', 'labelStartImage'] } }] }),
    [text],
  );
  // biome-ignore lint/security/noDangerouslySetInnerHtml: micromark writes no HTML of the text's own, and no address but http, https and mailto
  return <div className="markdown" dangerouslySetInnerHTML={{ __html: html }} />;
}
