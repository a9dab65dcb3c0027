import { useState } from 'react';

/** A command of the command line, to be taken along. Where a page may not write to the clipboard, it is selected by hand. */
export function Command({ children: command }: { children: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <span className="command">
      <code>{command}</code>
      <button
        type="button"
        className="button"
        data-size="small"
        onClick={() => {
          navigator.clipboard?.writeText(command).then(
            () => setCopied(true),
            () => setCopied(false),
          );
        }}
      >
        {copied ? 'Copied' : 'Copy'}
      </button>
    </span>
  );
}
