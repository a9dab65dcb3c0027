import type { RunView } from '@millwright/api';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef } from 'react';
import { useAnswer, useParts } from '../api/queries.ts';
import { Loaded } from '../parts/loaded.tsx';
import { RunCard, RunLine } from '../parts/run-line.tsx';
import { Empty } from '../parts/section.tsx';
import { boardOf } from '../words/board.ts';
import { some, wordsOf } from '../words/format.ts';
import { fits, RUN_STATES, type RunsSearch } from '../words/runs-filter.ts';

const route = getRouteApi('/runs');

/** Runs of a part. What is filtered by its state is sought in what has been loaded, and the list says how much that is. */
const PART = 200;

/** Room of a line; measured once it is there. */
const LINE_PX = 48;

function Lines({
  runs,
  more,
  loading,
}: {
  runs: readonly RunView[];
  more: (() => void) | null;
  loading: boolean;
}) {
  const box = useRef<HTMLUListElement>(null);
  const rows = useVirtualizer({
    count: runs.length,
    getScrollElement: () => document.getElementById('main'),
    estimateSize: () => LINE_PX,
    overscan: 12,
    scrollMargin: box.current?.offsetTop ?? 0,
    getItemKey: (nth) => runs[nth]?.id ?? nth,
  });
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more !== null && !loading && last >= runs.length - 30) more();
  }, [more, loading, last, runs.length]);
  return (
    <ul className="runs long" ref={box} style={{ height: rows.getTotalSize() }}>
      {items.map(({ index, key, start }) => {
        const run = runs[index];
        return run === undefined ? null : (
          <li
            key={key}
            data-index={index}
            ref={rows.measureElement}
            style={{ transform: `translateY(${start - rows.options.scrollMargin}px)` }}
          >
            <RunLine run={run} />
          </li>
        );
      })}
    </ul>
  );
}

/** By where they are; what a column holds besides is in the list. */
function Board({ runs }: { runs: readonly RunView[] }) {
  return (
    <section className="board" aria-label="Runs by stage">
      {boardOf(runs).map(({ column, runs: held, more }) => (
        <section key={column} className="board-column" data-empty={held.length === 0}>
          <h2>
            {column} <span className="quiet">{held.length + more}</span>
          </h2>
          <ul>
            {held.map((run) => (
              <li key={run.id}>
                <RunCard run={run} />
              </li>
            ))}
          </ul>
          {more === 0 ? null : <p className="quiet">and {more} more, in the list</p>}
        </section>
      ))}
    </section>
  );
}

export function Runs() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const repos = useAnswer('listRepos', { query: { limit: 500 } }).data ?? [];
  const parts = useParts('listRuns', {
    limit: PART,
    ...(search.repo === undefined ? {} : { repo: search.repo }),
  });
  const loaded = useMemo(
    () => parts.data?.pages.flatMap(({ value }) => value.toReversed()) ?? [],
    [parts.data],
  );
  const runs = useMemo(() => loaded.filter((run) => fits(run, search)), [loaded, search]);
  const change = (next: RunsSearch) =>
    void navigate({ to: '/runs', search: { ...search, ...next }, replace: true });
  const board = search.view === 'board';
  return (
    <>
      <div className="section-head">
        <h1>Runs</h1>
        <nav aria-label="As" className="as">
          <Link
            to="/runs"
            search={{ ...search, view: undefined }}
            activeOptions={{ exact: true }}
            aria-current={board ? undefined : 'page'}
          >
            List
          </Link>
          <Link to="/runs" search={{ ...search, view: 'board' }} aria-current={board ? 'page' : undefined}>
            Board
          </Link>
        </nav>
      </div>
      <search className="filters">
        <label className="field">
          State
          <select
            value={search.state ?? ''}
            onChange={(event) => change({ state: RUN_STATES.find((one) => one === event.target.value) })}
          >
            <option value="">all</option>
            {RUN_STATES.map((one) => (
              <option key={one} value={one}>
                {wordsOf(one)}
              </option>
            ))}
          </select>
        </label>
        <label className="field">
          Repository
          <select
            value={search.repo ?? ''}
            onChange={(event) => change({ repo: event.target.value || undefined })}
          >
            <option value="">all</option>
            {repos.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label className="field">
          Words
          <input
            type="search"
            value={search.words ?? ''}
            onChange={(event) => change({ words: event.target.value || undefined })}
          />
        </label>
      </search>
      <Loaded of={parts} lines={8}>
        {() => (
          <>
            <p className="quiet" role="status">
              {runs.length === loaded.length
                ? some(runs.length, 'run')
                : `${runs.length} of ${some(loaded.length, 'run')}`}
              {parts.hasNextPage ? ', and older ones, which load as you go down' : ''}
            </p>
            {runs.length === 0 && !parts.hasNextPage ? (
              <Empty>
                <p>
                  {loaded.length === 0
                    ? 'No runs yet: file a ticket, and its run is here.'
                    : 'No run fits these filters.'}
                </p>
              </Empty>
            ) : board ? (
              <Board runs={runs} />
            ) : (
              <Lines
                runs={runs}
                more={parts.hasNextPage ? () => void parts.fetchNextPage() : null}
                loading={parts.isFetching}
              />
            )}
          </>
        )}
      </Loaded>
    </>
  );
}
