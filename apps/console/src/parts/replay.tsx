import type { LogLine, RunView } from '@millwright/api';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useMemo } from 'react';
import { useAnswer, useParts } from '../api/queries.ts';
import { count, exactly, money } from '../words/format.ts';
import type { RunSearch } from '../words/tabs.ts';
import { Loaded } from './loaded.tsx';
import { Output } from './output.tsx';
import { Empty } from './section.tsx';
import { Status } from './status.tsx';

/** Turns of a part: as many of one attempt as are asked for at once. */
const PART = 200;

const WORDS = { says: 'says', calls: 'calls', gets: 'gets' } as const;

function Turn({ line }: { line: LogLine }) {
  return (
    <div className="turns">
      {line.blocks.map(({ kind, text, cut }, nth) => (
        <div key={nth.toString()} className="turn-block" data-kind={kind}>
          <span className="turn-kind">{WORDS[kind]}</span>
          <Output text={cut ? `${text}\n… cut` : text} />
        </div>
      ))}
    </div>
  );
}

function Scrub({
  lines,
  search,
  change,
}: {
  lines: readonly LogLine[];
  search: RunSearch;
  change: (turn: number) => void;
}) {
  const nth = Math.min(lines.length, Math.max(1, search.turn ?? 1));
  const line = lines[nth - 1];
  const spent = useMemo(() => lines.slice(0, nth).reduce((sum, { usd }) => sum + usd, 0), [lines, nth]);
  if (line === undefined)
    return (
      <Empty>
        <p>Nothing was recorded of it yet.</p>
      </Empty>
    );
  return (
    <>
      <div className="scrub">
        <button type="button" className="button" disabled={nth <= 1} onClick={() => change(nth - 1)}>
          <span aria-hidden="true">◂</span> Before
        </button>
        <input
          type="range"
          min={1}
          max={lines.length}
          value={nth}
          aria-label="Turn"
          aria-valuetext={`${nth} of ${lines.length}: ${line.text}`}
          onChange={(event) => change(Number(event.target.value))}
        />
        <button
          type="button"
          className="button"
          disabled={nth >= lines.length}
          onClick={() => change(nth + 1)}
        >
          After <span aria-hidden="true">▸</span>
        </button>
      </div>
      <p role="status">
        <strong>
          {nth} of {count(lines.length)}
        </strong>{' '}
        <span className="quiet">
          {exactly(line.at)} · {money(line.usd)} of {money(spent)} so far ·{' '}
        </span>
        <span className="said">{line.text}</span>
      </p>
      <Turn line={line} />
    </>
  );
}

/** An attempt's turns as they were recorded, one at a time: what its agent said, each call of a tool, and what it was answered. */
export function Replay({ run, search }: { run: RunView; search: RunSearch }) {
  const navigate = useNavigate();
  // Which attempts have turns: the rest is the factory's own work.
  const turned = useAnswer('showLogs', { params: { id: run.id }, query: { limit: 500 } });
  const attempts = run.stages.filter(({ attemptId }) =>
    turned.data?.some(({ attempt }) => attempt === attemptId),
  );
  const chosen = attempts.find(({ attemptId }) => attemptId === search.attempt) ?? attempts[0];
  const change = (next: RunSearch) =>
    void navigate({
      to: '/runs/$id',
      params: { id: run.id },
      search: { ...search, tab: 'replay', ...next },
      replace: true,
    });
  return (
    <Loaded of={turned} lines={8}>
      {() =>
        chosen === undefined ? (
          <Empty>
            <p>No agent has taken a turn yet.</p>
          </Empty>
        ) : (
          <>
            <label className="field replay-of">
              Attempt
              <select
                value={chosen.attemptId}
                onChange={(event) => change({ attempt: event.target.value, turn: 1 })}
              >
                {attempts.map(({ attemptId, kind, task, title, attempt, state }) => (
                  <option key={attemptId} value={attemptId}>
                    {[kind, task, title, attempt > 1 ? `#${attempt}` : '', `(${state.replaceAll('_', ' ')})`]
                      .filter(Boolean)
                      .join(' ')}
                  </option>
                ))}
              </select>
            </label>
            <p>
              <Status state={chosen.state} /> <span className="quiet">{chosen.model}</span>
            </p>
            <OfAttempt
              key={chosen.attemptId}
              run={run.id}
              attempt={chosen.attemptId}
              search={search}
              change={(turn) => change({ attempt: chosen.attemptId, turn })}
            />
          </>
        )
      }
    </Loaded>
  );
}

function OfAttempt({
  run,
  attempt,
  search,
  change,
}: {
  run: string;
  attempt: string;
  search: RunSearch;
  change: (turn: number) => void;
}) {
  const parts = useTurns(run, attempt);
  const { hasNextPage, isFetching, fetchNextPage } = parts;
  // All of it, so that the slider's end is the attempt's.
  useEffect(() => {
    if (hasNextPage && !isFetching) void fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage]);
  const lines = useMemo(
    () => (parts.data?.pages.flatMap(({ value }) => value) ?? []).toSorted((a, b) => a.position - b.position),
    [parts.data],
  );
  return <Loaded of={parts}>{() => <Scrub lines={lines} search={search} change={change} />}</Loaded>;
}

const useTurns = (id: string, attempt: string) => useParts('showLogs', { attempt, limit: PART }, { id });
