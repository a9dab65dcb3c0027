import type { TrailVerdict } from '@millwright/audit/proof';
import { useEffect, useRef, useState } from 'react';
import { pinKey, pinnedKey, verifyTrail } from '../verify/verify.ts';
import { count, some } from '../words/format.ts';
import { Problem } from './problem.tsx';
import { Status } from './status.tsx';

const sentence = ({ integrity }: TrailVerdict): string => {
  if (integrity.kind === 'ok') return 'Nothing was changed.';
  if (integrity.kind !== 'tampered') return integrity.reason;
  const { position, through, reason } = integrity;
  return `${position === through ? `At position ${position}` : `From position ${position} on, ${through} at the latest`}: ${reason}`;
};

function Verdict({ verdict }: { verdict: TrailVerdict }) {
  const { integrity, entries, sealed, anchored, witnessed, redacted } = verdict;
  const whole = integrity.kind === 'ok';
  return (
    <div className="card" role="status">
      <p>
        <Status state={whole ? 'done' : 'failed'} word={whole ? 'it verifies' : 'it does not verify'} />{' '}
        {sentence(verdict)}
      </p>
      <p className="quiet">
        {some(entries, 'entry', 'entries')} read here, {count(sealed)} under a checkpoint that holds
        {anchored > 0 ? `, ${count(anchored)} under one that this browser or a witness kept` : ''}
        {redacted.count > 0 ? `; ${redacted.count} texts were erased, and say so` : ''}.
      </p>
      {witnessed.map(({ name, size }) => (
        <p key={name} className="quiet">
          cosigned by {name} at {count(size)}
        </p>
      ))}
    </div>
  );
}

/** The whole trail, checked by this browser and not by the factory. */
export function Verify() {
  const [key, setKey] = useState(pinnedKey);
  const [given, setGiven] = useState('');
  const [at, setAt] = useState<{ at: number; of: number } | null>(null);
  const [verdict, setVerdict] = useState<TrailVerdict | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const verify = async () => {
    stop.current = new AbortController();
    setAt({ at: 0, of: 0 });
    setError(null);
    setVerdict(null);
    try {
      setVerdict(await verifyTrail((seen, of) => setAt({ at: seen, of }), stop.current.signal));
      setKey(pinnedKey());
    } catch (thrown) {
      setError(thrown as Error);
    } finally {
      setAt(null);
    }
  };
  return (
    <div className="verify">
      <div className="acts">
        <button
          type="button"
          className="button"
          data-tone="accent"
          disabled={at !== null}
          onClick={() => void verify()}
        >
          {at === null ? 'Verify in this browser' : `Verified ${count(at.at)} of ${count(at.of)}`}
        </button>
      </div>
      {at === null ? null : <progress max={Math.max(1, at.of)} value={at.at} aria-label="Verified so far" />}
      {error === null ? null : <Problem error={error} />}
      {verdict === null ? null : <Verdict verdict={verdict} />}
      <details>
        <summary>The key that this browser believes</summary>
        {key === null ? (
          <p>
            None yet: the first check keeps the one that the factory gives, and every later one is against it.
            Better, paste the one that you were given.
          </p>
        ) : (
          <code>{key}</code>
        )}
        <form
          className="answer"
          onSubmit={(event) => {
            event.preventDefault();
            pinKey(given);
            setKey(pinnedKey());
            setGiven('');
          }}
        >
          <label className="field">
            Another one, as <code>trail key</code> prints it
            <input value={given} onChange={(event) => setGiven(event.target.value)} />
          </label>
          <button type="submit" className="button" disabled={given.trim() === ''}>
            Believe this one
          </button>
        </form>
      </details>
    </div>
  );
}
