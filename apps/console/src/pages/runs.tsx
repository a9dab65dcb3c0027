import type { RunView } from '@millwright/api';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef } from 'react';
import { useAnswer, useParts } from '../api/queries.ts';
import { Loaded } from '../parts/loaded.tsx';
import { RunCard, RunLine } from '../parts/run-line.tsx';
import { Empty } from '../parts/section.tsx';
import { board, COLUMN_NAMES, COLUMNS } from '../words/board.ts';
import { some, wordsOf } from '../words/format.ts';
import { fits, RUN_SORTS, RUN_STATES, type RunsSearch, sorted } from '../words/runs-filter.ts';

const route = getRouteApi('/runs');

/** Runs of a part. What is filtered by its state is sought in what has been loaded, and the list says how much that is. */
const PART = 200;

/** Room of a line; measured once it is there. */
const LINE_PX = 48;

function Lines({ runs, more }: { runs: readonly RunView[]; more: (() => void) | null }) {
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
    if (more !== null && last >= runs.length - 30) more();
  }, [more, last, runs.length]);
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

/** Room of a card; measured once it is there. */
const CARD_PX = 104;

/** One stage's runs below each other: only those in sight are laid out. */
function Lane({ name, runs, more }: { name: string; runs: readonly RunView[]; more: (() => void) | null }) {
  const box = useRef<HTMLElement>(null);
  const rows = useVirtualizer({
    count: runs.length,
    getScrollElement: () => box.current,
    estimateSize: () => CARD_PX,
    overscan: 6,
    getItemKey: (nth) => runs[nth]?.id ?? nth,
  });
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more !== null && runs.length > 0 && last >= runs.length - 5) more();
  }, [more, last, runs.length]);
  return (
    <div className="lane" data-empty={runs.length === 0}>
      <h2>
        {name} <span className="quiet">{runs.length}</span>
      </h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is scrolled by keys too */}
      <section className="lane-box" ref={box} tabIndex={0} aria-label={name}>
        <ul className="lane-runs" style={{ height: rows.getTotalSize() }}>
          {items.map(({ index, key, start }) => {
            const run = runs[index];
            return run === undefined ? null : (
              <li
                key={key}
                data-index={index}
                ref={rows.measureElement}
                style={{ transform: `translateY(${start}px)` }}
              >
                <RunCard run={run} />
              </li>
            );
          })}
        </ul>
      </section>
    </div>
  );
}

function Board({ runs, more }: { runs: readonly RunView[]; more: (() => void) | null }) {
  const columns = useMemo(() => board(runs), [runs]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is scrolled by keys too
    <section className="board" tabIndex={0} aria-label="Runs by stage">
      {COLUMNS.map((one) => (
        <Lane
          key={one}
          name={COLUMN_NAMES[one]}
          runs={columns[one]}
          more={one === 'shipped' || one === 'otherwise' ? more : null}
        />
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
  const runs = useMemo(
    () =>
      sorted(
        loaded.filter((run) => fits(run, search)),
        search.sort ?? 'newest',
        Date.now(),
      ),
    [loaded, search],
  );
  const { hasNextPage, isFetching, fetchNextPage } = parts;
  const more = useMemo(
    () => (hasNextPage && !isFetching ? () => void fetchNextPage() : null),
    [hasNextPage, isFetching, fetchNextPage],
  );
  const change = (next: RunsSearch) =>
    void navigate({ to: '/runs', search: { ...search, ...next }, replace: true });
  return (
    <>
      <header className="section-head">
        <h1>Runs</h1>
        <nav className="switch" aria-label="As">
          {(['list', 'board'] as const).map((one) => (
            <Link
              key={one}
              to="/runs"
              search={{ ...search, view: one === 'board' ? one : undefined }}
              className="button"
              data-size="small"
              activeOptions={{ exact: true, includeSearch: true }}
              aria-current={(search.view ?? 'list') === one ? 'page' : undefined}
            >
              {one === 'list' ? 'List' : 'Board'}
            </Link>
          ))}
        </nav>
      </header>
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
          Order
          <select
            value={search.sort ?? 'newest'}
            onChange={(event) =>
              change({ sort: RUN_SORTS.find((one) => one !== 'newest' && one === event.target.value) })
            }
          >
            {RUN_SORTS.map((one) => (
              <option key={one} value={one}>
                the {one} first
              </option>
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
            ) : search.view === 'board' ? (
              <Board runs={runs} more={more} />
            ) : (
              <Lines runs={runs} more={more} />
            )}
          </>
        )}
      </Loaded>
    </>
  );
}
