import { useState } from 'react';
import { reread } from '../api/queries.ts';
import { Problem } from './problem.tsx';
import { tell } from './told.tsx';

/** A text that is sent; refused, it is still there. */
export function AnswerForm({ button, send }: { button: string; send: (text: string) => Promise<string> }) {
  const [text, setText] = useState('');
  const [sending, setSending] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  return (
    <form
      className="answer"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() === '' || sending) return;
        setSending(true);
        setError(null);
        send(text)
          .then(
            (said) => {
              tell(said);
              setText('');
            },
            (thrown) => setError(thrown as Error),
          )
          .finally(() => {
            setSending(false);
            void reread();
          });
      }}
    >
      <textarea
        aria-label={button}
        rows={4}
        maxLength={20_000}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      {error === null ? null : <Problem error={error} />}
      <button type="submit" className="button" data-tone="accent" disabled={sending || text.trim() === ''}>
        {sending ? 'Sending …' : button}
      </button>
    </form>
  );
}
