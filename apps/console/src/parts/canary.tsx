import type { CanaryView } from '@millwright/api';
import { lazy, Suspense } from 'react';
import { duration, wordsOf } from '../words/format.ts';
import { Status, Tag } from './status.tsx';
import { useNow, When } from './time.tsx';

const rate = ({ requests, errors }: { requests: number; errors: number }) =>
  `${requests.toLocaleString('en-US')} requests, ${errors.toLocaleString('en-US')} failed`;

const Chart = lazy(() => import('./canary-chart.tsx'));

/** What a person who watches a canary wants to know: share, verdict, figures, what it waits for, how long. */
export function Canary({
  canary,
  at,
}: {
  canary: CanaryView /** When it was looked at: with it, what is counted is drawn over time. */;
  at?: number;
}) {
  const now = useNow();
  const { figures, ended } = canary;
  return (
    <div className="canary">
      <p className="canary-head">
        {ended === null ? (
          <>
            <strong>{canary.percent} % of traffic</strong>, step {canary.step} of {canary.steps.length}{' '}
            <Status state={canary.verdict} />
          </>
        ) : (
          <Status
            state={ended.as === 'promoted' ? 'promoted' : 'rolled_back'}
            word={ended.as === 'promoted' ? 'promoted: it has all traffic' : 'traffic went back'}
          />
        )}
        {canary.paused === null ? null : <Tag tone="wait">paused by {canary.paused.by}</Tag>}
      </p>
      <ol className="shares" aria-label="Shares of traffic">
        {canary.steps.map((share, nth) => {
          const reached = canary.history.findLast(({ percent }) => percent === share);
          const at = ended === null && nth + 1 === canary.step;
          return (
            <li key={share} data-state={at ? 'now' : reached === undefined ? 'ahead' : 'past'}>
              {share} %<small>{reached === undefined ? (at ? 'now' : '') : wordsOf(reached.verdict)}</small>
            </li>
          );
        })}
      </ol>
      {ended === null && canary.reason !== '' ? <p className="said">{canary.reason}</p> : null}
      {canary.paused === null ? null : (
        <p className="said">
          {canary.paused.reason}; until <When at={canary.paused.until} />
        </p>
      )}
      {canary.needs === null ? null : <p className="said">It needs {canary.needs}</p>}
      {ended === null && canary.paused === null && canary.endsAt !== null ? (
        <p className="quiet">{duration(Math.max(0, canary.endsAt - now))} left, if all goes well</p>
      ) : null}
      {figures === null ? null : (
        <p className="figures">
          <span>new: {rate(figures.new)}</span>
          {figures.old === null ? null : <span>old: {rate(figures.old)}</span>}
        </p>
      )}
      {figures === null || at === undefined || ended !== null ? null : (
        <Suspense>
          <Chart figures={figures} at={at} />
        </Suspense>
      )}
    </div>
  );
}
