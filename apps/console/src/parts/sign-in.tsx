import { useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { whose } from '../api/client.ts';
import { signIn } from '../api/session.ts';
import { Problem } from './problem.tsx';

/** A token in, and nothing of it in an address. `lapsed`: over a page that stays as it is. */
export function SignIn({ lapsed }: { lapsed: boolean }) {
  const [token, setToken] = useState('');
  const [stay, setStay] = useState(false);
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const client = useQueryClient();
  const field = useId();
  const enter = async () => {
    setAsking(true);
    setError(null);
    try {
      await whose(token.trim());
      signIn(token.trim(), stay);
      // Another person may see other things.
      await client.resetQueries();
    } catch (thrown) {
      setError(thrown as Error);
    } finally {
      setAsking(false);
    }
  };
  return (
    <div
      className={lapsed ? 'sign-in over' : 'sign-in'}
      {...(lapsed ? { role: 'dialog', 'aria-label': 'Sign in' } : {})}
    >
      <form
        className="card"
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim() !== '' && !asking) void enter();
        }}
      >
        <h1>Millwright</h1>
        <p>
          {lapsed
            ? 'Your token is not known any more: it was rotated, or the factory is another one. What you have written is still here.'
            : 'A software factory you can stop, prove and undo.'}
        </p>
        <label className="field" htmlFor={field}>
          Your token
          <input
            id={field}
            type="password"
            autoComplete="current-password"
            autoCapitalize="off"
            spellCheck={false}
            value={token}
            onChange={(event) => setToken(event.target.value)}
          />
        </label>
        <label className="check">
          <input type="checkbox" checked={stay} onChange={(event) => setStay(event.target.checked)} />
          Stay signed in on this device
        </label>
        {error === null ? null : <Problem error={error} />}
        <button
          type="submit"
          className="button"
          data-tone="accent"
          data-wide
          disabled={asking || token.trim() === ''}
        >
          {asking ? 'Asking …' : 'Sign in'}
        </button>
        <p className="quiet">
          The administrator's is in the data folder: <code>cat .millwright/token</code>. Others get theirs by
          an invitation: <code>./millwright person invite NAME --roles approver</code>
        </p>
      </form>
    </div>
  );
}
