import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useAnswer } from '../api/queries.ts';
import { Command } from '../parts/copy.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Output } from '../parts/output.tsx';
import { Empty } from '../parts/section.tsx';
import { Status } from '../parts/status.tsx';
import { When } from '../parts/time.tsx';
import { Verify } from '../parts/verify.tsx';
import type { TrailSearch } from '../words/trail-filter.ts';

const route = getRouteApi('/trail');

/** Entries on a page of the trail. */
const PART = 100;

/** A filter that is typed counts once it is left or entered: half a name is nobody's. */
function Typed({
  name,
  value,
  hint,
  change,
}: {
  name: string;
  value: string;
  hint: string;
  change: (to: string) => void;
}) {
  return (
    <label className="field">
      {name}
      <input
        key={value}
        defaultValue={value}
        placeholder={hint}
        onBlur={(event) => {
          if (event.target.value !== value) change(event.target.value);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') change(event.currentTarget.value);
        }}
      />
    </label>
  );
}

export function Trail() {
  const search = route.useSearch();
  const { run, repo, actor, type, before } = search;
  const navigate = useNavigate();
  const repos = useAnswer('listRepos', { query: { limit: 500 } }).data ?? [];
  const change = (next: TrailSearch) =>
    void navigate({ to: '/trail', search: { ...search, before: undefined, ...next }, replace: true });
  const given = Object.fromEntries(
    Object.entries({ run, repo, actor, type, before }).filter(([, value]) => value !== undefined),
  );
  const lines = useAnswer('listTrail', { query: { order: 'newest', limit: PART, ...given } });
  const last = lines.data?.at(-1)?.position ?? 1;
  return (
    <>
      <h1>Trail</h1>
      <p className="quiet">
        Every decision and effect, the newest first. Nobody can edit it, and this browser can check that
        nobody has.
      </p>
      <Verify />
      <search className="filters">
        <Typed name="Run" value={run ?? ''} hint="run_…" change={(to) => change({ run: to || undefined })} />
        <label className="field">
          Repository
          <select value={repo ?? ''} onChange={(event) => change({ repo: event.target.value || undefined })}>
            <option value="">all</option>
            {repos.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <Typed
          name="Who"
          value={actor ?? ''}
          hint="a name, factory, agent"
          change={(to) => change({ actor: to || undefined })}
        />
        <Typed
          name="What"
          value={type ?? ''}
          hint="gate, merge, canary"
          change={(to) => change({ type: to || undefined })}
        />
      </search>
      <Loaded of={lines} lines={12}>
        {(all) =>
          all.length === 0 ? (
            <Empty>
              <p>There is nothing before that.</p>
            </Empty>
          ) : (
            <ol className="trail">
              {all.map((line) => (
                <li key={line.position}>
                  <details>
                    <summary>
                      <span className="figure">{line.position}</span>
                      <Status state={line.result} />
                      <span className="said">{line.text}</span>
                      <span className="quiet">
                        {line.who.name} <When at={line.at} />
                      </span>
                    </summary>
                    <Output text={JSON.stringify(line, null, 2)} />
                  </details>
                </li>
              ))}
            </ol>
          )
        }
      </Loaded>
      <p className="acts">
        {before === undefined ? null : (
          <Link to="/trail" search={{ ...search, before: undefined }} className="button">
            Newest
          </Link>
        )}
        {(lines.data?.length ?? 0) < PART || last <= 1 ? null : (
          <Link to="/trail" search={{ ...search, before: last }} className="button">
            Before {last}
          </Link>
        )}
      </p>
      <Command>./millwright trail verify</Command>
    </>
  );
}
