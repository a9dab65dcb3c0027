import type { RunView } from '@millwright/api';
import { Link } from '@tanstack/react-router';
import { money } from '../words/format.ts';
import { Status } from './status.tsx';
import { Lasting, When } from './time.tsx';

/** What a run does at this moment, or why it is as it is, in a few words. */
function nowOf({ stop, canary, stages, reason, endedAt }: RunView): string {
  if (stop !== null) return `${stop.by}: ${stop.reason}`;
  if (endedAt !== null) return (reason ?? '').split('\n')[0] ?? '';
  if (canary !== null && canary.ended === null) return `canary at ${canary.percent} %`;
  const busy = stages.filter(({ state }) => state === 'running');
  if (busy.length > 0)
    return busy.map(({ kind, task }) => (task === null ? kind : `${kind} ${task}`)).join(', ');
  return reason ?? '';
}

/** A run on one line; on a narrow screen, two. */
export function RunLine({ run }: { run: RunView }) {
  return (
    <Link to="/runs/$id" params={{ id: run.id }} className="run-link">
      <Status state={run.state} />
      <span className="run-title">{run.title}</span>
      <span className="run-now">{nowOf(run)}</span>
      <span className="run-repo">{run.repo}</span>
      <Lasting from={run.startedAt} to={run.endedAt} />
      <span className="figure">{money(run.usage.usd)}</span>
      <When at={run.endedAt ?? run.startedAt} />
    </Link>
  );
}

/** A run among others in a column. */
export function RunCard({ run }: { run: RunView }) {
  return (
    <Link to="/runs/$id" params={{ id: run.id }} className="card lane-card">
      <strong>{run.title}</strong>
      <span className="lane-now quiet">{nowOf(run)}</span>
      <span className="lane-foot">
        <Status state={run.state} />
        <span className="quiet">{run.repo}</span>
        <span className="figure quiet">{money(run.usage.usd)}</span>
        <span className="quiet">
          <Lasting from={run.startedAt} to={run.endedAt} />
        </span>
      </span>
    </Link>
  );
}

/** Runs below each other. */
export function RunLines({ runs }: { runs: readonly RunView[] }) {
  return (
    <ul className="runs">
      {runs.map((run) => (
        <li key={run.id}>
          <RunLine run={run} />
        </li>
      ))}
    </ul>
  );
}
