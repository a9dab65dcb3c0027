import { getRouteApi, Link } from '@tanstack/react-router';
import { useAnswer } from '../api/queries.ts';
import { Command } from '../parts/copy.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Empty } from '../parts/section.tsx';
import { Status } from '../parts/status.tsx';
import { When } from '../parts/time.tsx';

const route = getRouteApi('/trail');

/** Entries on a page of the trail. */
const PART = 100;

export function Trail() {
  const search = route.useSearch();
  const { run, repo, before } = search;
  const lines = useAnswer('listTrail', {
    query: {
      ...{ order: 'newest', limit: PART },
      ...(run === undefined ? {} : { run }),
      ...(repo === undefined ? {} : { repo }),
      ...(before === undefined ? {} : { before }),
    },
  });
  const last = lines.data?.at(-1)?.position ?? 1;
  return (
    <>
      <h1>Trail</h1>
      <p className="quiet">
        {run === undefined ? 'Every decision and effect, the newest first.' : `Of ${run}, the newest first.`}{' '}
        {run === undefined && repo === undefined ? null : (
          <Link to="/trail" search={{}}>
            All of it
          </Link>
        )}
      </p>
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
                    <pre className="output">{JSON.stringify(line, null, 2)}</pre>
                  </details>
                </li>
              ))}
            </ol>
          )
        }
      </Loaded>
      <p className="acts">
        {before === undefined ? null : (
          <Link to="/trail" search={{ run, repo }} className="button">
            Newest
          </Link>
        )}
        {(lines.data?.length ?? 0) < PART || last <= 1 ? null : (
          <Link to="/trail" search={{ run, repo, before: last }} className="button">
            Before {last}
          </Link>
        )}
      </p>
      <Command>./millwright trail verify</Command>
    </>
  );
}
