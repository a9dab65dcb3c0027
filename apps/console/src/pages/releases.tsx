import type { RollbackStatus } from '@millwright/api';
import { Link } from '@tanstack/react-router';
import { useAnswer } from '../api/queries.ts';
import { CanaryActs, FreezeButton, RollbackButton } from '../parts/acts.tsx';
import { Canary } from '../parts/canary.tsx';
import { Live } from '../parts/live.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Next } from '../parts/problem.tsx';
import { Empty, Section } from '../parts/section.tsx';
import { Status, Tag } from '../parts/status.tsx';
import { When } from '../parts/time.tsx';

function Frozen({ frozen }: { frozen: NonNullable<RollbackStatus['frozen']> }) {
  return (
    <div className="why">
      <Status state="frozen" /> by {frozen.who} <When at={frozen.at} />: {frozen.reason}
      {frozen.what === '' ? null : <p className="said">{frozen.what}</p>}
      <Next acts={frozen.acts} />
    </div>
  );
}

function Target({ status }: { status: RollbackStatus }) {
  const { repo, live, canary, candidates, frozen, undo, stop } = status;
  const coming = useAnswer(
    'showRelease',
    { params: { id: canary?.release ?? '' } },
    { enabled: canary !== null, refetchInterval: canary === null ? false : 2_000 },
  ).data?.canary;
  return (
    <article className="card target">
      <h2>{repo}</h2>
      {frozen === null ? null : <Frozen frozen={frozen} />}
      {stop === null || frozen !== null ? null : (
        <p className="why">
          <Tag tone="wait">goes no further</Tag> {stop.by}: {stop.reason}
        </p>
      )}
      {live === null ? (
        <p className="quiet">Nothing serves yet.</p>
      ) : (
        <Live of={live}>
          {live.health}, since <When at={live.servedAt} />
        </Live>
      )}
      {canary === null ? null : (
        <>
          <p>
            <Status state="canary" />{' '}
            <Link to="/releases/$id" params={{ id: canary.release }}>
              {canary.release}
            </Link>
            {canary.held === null ? null : <span className="said"> held: {canary.held}</span>}
          </p>
          {coming == null ? <p>{canary.percent} % of traffic</p> : <Canary canary={coming} />}
          <CanaryActs repo={repo} paused={canary.paused !== null} />
        </>
      )}
      {undo === null ? null : (
        <p className="said">
          Forward again: {undo.text} <When at={undo.at} />
        </p>
      )}
      <RollbackButton status={status} />
      {candidates.length === 0 ? (
        <p className="quiet">There is no earlier release to go back to.</p>
      ) : (
        <details>
          <summary>Go back to another one</summary>
          <ul className="candidates">
            {candidates.map((one) => (
              <li key={one.release}>
                <span>
                  {one.tickets.map(({ title }) => title).join('; ') || one.release}{' '}
                  <span className="quiet">
                    {one.health}, served <When at={one.servedAt} />
                  </span>
                </span>
                <RollbackButton status={status} release={one.release} />
              </li>
            ))}
          </ul>
        </details>
      )}
      <div className="acts">
        <FreezeButton repo={repo} frozen={frozen !== null} />
      </div>
    </article>
  );
}

export function Releases() {
  const targets = useAnswer('listTargets', { query: { limit: 100 } });
  const releases = useAnswer('listReleases', { query: { limit: 50 } });
  return (
    <>
      <h1>Releases</h1>
      <Loaded of={targets}>
        {(all) => (
          <div className="cards">
            {all.map((status) => (
              <Target key={status.repo} status={status} />
            ))}
          </div>
        )}
      </Loaded>
      <Section title="History">
        <Loaded of={releases}>
          {(all) =>
            all.length === 0 ? (
              <Empty>
                <p>Nothing was built yet. What merges is built, tested as it ships, and is here.</p>
              </Empty>
            ) : (
              <ul className="lines-list">
                {all.map((release) => (
                  <li key={release.id}>
                    <Status state={release.state} />
                    <Link to="/releases/$id" params={{ id: release.id }}>
                      {release.commits[0]?.title || release.id}
                    </Link>
                    <span className="quiet">{release.repo}</span>
                    <When at={release.createdAt} />
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </Section>
    </>
  );
}
