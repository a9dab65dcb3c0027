import { getRouteApi, Link } from '@tanstack/react-router';
import { useAnswer } from '../api/queries.ts';
import { CanaryActs, RollbackButton } from '../parts/acts.tsx';
import { Canary } from '../parts/canary.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Output } from '../parts/output.tsx';
import { Fact, Facts, Section } from '../parts/section.tsx';
import { Status, Tag } from '../parts/status.tsx';
import { When } from '../parts/time.tsx';
import { short, wordsOf } from '../words/format.ts';

const route = getRouteApi('/releases/$id');

/** What is there of a canary that goes on is no entry of the trail at each moment. Milliseconds. */
const LOOK_MS = 2_000;

export function Release() {
  const { id } = route.useParams();
  const seen = useAnswer('showRelease', { params: { id } }, { refetchInterval: LOOK_MS });
  const targets = useAnswer('listTargets', { query: { limit: 100 } });
  return (
    <Loaded of={seen} lines={8}>
      {(release) => {
        const { repo, canary, undo } = release;
        const status = targets.data?.find((one) => one.repo === repo);
        const goesOn = canary !== null && canary.ended === null;
        const candidate = status?.candidates.some((one) => one.release === id) ?? false;
        return (
          <>
            <header className="page-head">
              <h1>{release.commits[0]?.title || id}</h1>
              <p className="head-line">
                <Status state={release.state} /> <span>{repo}</span> <When at={release.createdAt} />{' '}
                <Link to="/runs/$id" params={{ id: release.run }}>
                  its run
                </Link>
              </p>
              {release.stop === null ? null : (
                <p className="why">
                  <Tag tone="wait">stopped</Tag> by {release.stop.by}: {release.stop.reason}
                </p>
              )}
              {status !== undefined && release.state === 'live' ? <RollbackButton status={status} /> : null}
              {status !== undefined && candidate ? <RollbackButton status={status} release={id} /> : null}
            </header>
            {canary === null ? null : (
              <Section title="Canary">
                <Canary canary={canary} at={seen.dataUpdatedAt} />
                {goesOn ? <CanaryActs repo={repo} paused={canary.paused !== null} /> : null}
                {canary.history.length === 0 ? null : (
                  <ol className="because">
                    {canary.history.map((step) => (
                      <li key={`${step.percent} ${step.at}`}>
                        {step.at === null ? null : <When at={step.at} />} {step.percent} %,{' '}
                        {wordsOf(step.verdict)} <span className="said">{step.reason}</span>
                      </li>
                    ))}
                  </ol>
                )}
              </Section>
            )}
            <Section title="What it brings">
              <ul>
                {release.commits.map(({ commit, title }) => (
                  <li key={commit}>
                    <code>{short(commit)}</code> {title}
                  </li>
                ))}
              </ul>
              <p className="said">{release.notes}</p>
            </Section>
            <Section title="Its undo">
              {undo === null ? (
                <p className="quiet">Not rehearsed yet.</p>
              ) : (
                <Output text={JSON.stringify(undo, null, 2)} />
              )}
            </Section>
            <Section title="Record">
              <Facts>
                <Fact name="id">{release.id}</Fact>
                <Fact name="commit">{short(release.commit)}</Fact>
                <Fact name="digest">{short(release.digest)}</Fact>
                <Fact name="layer">{short(release.layer)}</Fact>
                <Fact name="provenance">
                  {release.provenance === null ? null : short(release.provenance)}
                </Fact>
                <Fact name="address">{release.address}</Fact>
              </Facts>
            </Section>
          </>
        );
      }}
    </Loaded>
  );
}
