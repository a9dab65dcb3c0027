import type { ReactNode } from 'react';
import { Failed } from '../api/client.ts';
import { Problem } from './problem.tsx';
import { When } from './time.tsx';

type Asked<T> = {
  data: T | undefined;
  error: Error | null;
  failureReason: Error | null;
  dataUpdatedAt: number;
};

/** What was asked for, as soon as it is there; until then where it will be. What is kept of earlier stays, and says since when. */
export function Loaded<T>({
  of: { data, error, failureReason, dataUpdatedAt },
  lines = 3,
  children,
}: {
  of: Asked<T>;
  /** How much room it will take. */
  lines?: number;
  children: (data: T) => ReactNode;
}) {
  const away = failureReason instanceof Failed && failureReason.kind === 'away';
  if (data === undefined)
    return error === null ? <Skeleton lines={lines} away={away} /> : <Problem error={error} />;
  return (
    <>
      {error === null && !away ? null : (
        <p className="stale" role="status">
          Not up to date: seen <When at={dataUpdatedAt} />. {(error ?? failureReason)?.message}
        </p>
      )}
      {children(data)}
    </>
  );
}

function Skeleton({ lines, away }: { lines: number; away: boolean }) {
  return (
    <div className="skeleton" aria-busy="true" role="status">
      <span className="unseen">{away ? 'The factory does not answer; asking again.' : 'Loading'}</span>
      {away ? <p className="stale">The factory does not answer. This page asks again by itself.</p> : null}
      {Array.from({ length: lines }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
        <div key={i} className="bone" />
      ))}
    </div>
  );
}
