import type { DigestView, MetricsView } from '@millwright/api';
import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useAnswer } from '../api/queries.ts';
import { Loaded } from '../parts/loaded.tsx';
import { Next } from '../parts/problem.tsx';
import { Section } from '../parts/section.tsx';
import { When } from '../parts/time.tsx';
import { duration, money, some } from '../words/format.ts';

const HOUR_MS = 3_600_000;
const PERIODS = [
  { name: 'the last 12 hours', hours: 12 },
  { name: 'the last day', hours: 24 },
  { name: 'the last week', hours: 168 },
  { name: 'the last 30 days', hours: 720 },
] as const;
const USUAL = PERIODS[3];

const percent = ({ n, of, rate }: MetricsView['rework']) =>
  rate === null ? 'nothing to tell from yet' : `${Math.round(rate * 100)} %, ${n} of ${of}`;
const times = ({ n, p50, p90 }: MetricsView['recovery']) =>
  p50 === null
    ? 'nothing to tell from yet'
    : `${duration(p50)}, nine of ten within ${duration(p90 ?? p50)} (${n})`;

/** A figure, what it is of, and where one can read what it means. */
function Figure({ name, value, says }: { name: string; value: string; says: string }) {
  return (
    <article className="card">
      <h3>{name}</h3>
      <p className="big">{value}</p>
      <p className="quiet">{says}</p>
    </article>
  );
}

function Metrics({ of }: { of: MetricsView }) {
  const { deployments, bottleneck } = of;
  return (
    <>
      <div className="cards figures-cards">
        <Figure
          name="Deployments"
          value={some(deployments.n, 'release')}
          says={`${deployments.perDay.toFixed(2)} a day came to serve`}
        />
        <Figure
          name="Lead time"
          value={times(of.changeLead)}
          says="from the first change handed in to serving"
        />
        <Figure
          name="Change failure"
          value={percent(of.changeFailure)}
          says="of deploys that ended were taken back, failed or made an incident"
        />
        <Figure name="Recovery" value={times(of.recovery)} says="until traffic was back at a good release" />
        <Figure
          name="Rework"
          value={percent(of.rework)}
          says="of deployments were for an incident or a ticket opened again"
        />
        <Figure
          name="Autonomy"
          value={percent(of.autonomy)}
          says="of runs that ended were done without a person, and stayed"
        />
        <Figure
          name="Self-healing"
          value={percent(of.selfHealing)}
          says="of what served otherwise than the trail says was brought back"
        />
        <Figure
          name="Bottleneck"
          value={
            bottleneck === null
              ? 'nothing to tell from yet'
              : `${bottleneck.stage}, mostly ${bottleneck.mostly}`
          }
          says={bottleneck === null ? '' : `${Math.round(bottleneck.share * 100)} % of the time of runs`}
        />
      </div>
      {of.kinds.length === 0 ? null : (
        <Section title="By kind of ticket">
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is scrolled by keys too */}
          <section className="scroll-x" tabIndex={0} aria-label="Figures of each kind">
            <table>
              <thead>
                <tr>
                  <th scope="col">Kind</th>
                  <th scope="col">Ended</th>
                  <th scope="col">Done</th>
                  <th scope="col">Cost</th>
                  <th scope="col">Cost of one done</th>
                  <th scope="col">Lead time</th>
                </tr>
              </thead>
              <tbody>
                {of.kinds.map((one) => (
                  <tr key={one.kind}>
                    <th scope="row">{one.kind}</th>
                    <td>{one.ended}</td>
                    <td>{one.done}</td>
                    <td>{money(one.usd)}</td>
                    <td>{one.usdPerDone === null ? '' : money(one.usdPerDone)}</td>
                    <td>{one.lead.p50 === null ? '' : duration(one.lead.p50)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        </Section>
      )}
      {of.stages.length === 0 ? null : (
        <Section title="Where the time goes">
          <ul className="meters">
            {of.stages.map(({ stage, waitingMs, workingMs, n }) => (
              <li key={stage}>
                <span>
                  {stage} <span className="quiet">{n}</span>
                </span>
                <span className="figure">
                  waiting {duration(waitingMs)}, working {duration(workingMs)}
                </span>
                <meter
                  min={0}
                  max={Math.max(1, ...of.stages.map((one) => one.waitingMs + one.workingMs))}
                  value={waitingMs + workingMs}
                  aria-label={`${stage}: waiting and working`}
                />
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}

function Lines({ title, lines, none }: { title: string; lines: DigestView['shipped']; none: string }) {
  return (
    <Section title={title}>
      {lines.length === 0 ? (
        <p className="quiet">{none}</p>
      ) : (
        <ul className="lines-list">
          {lines.map(({ position, at, repo, run, title: of, text }) => (
            <li key={`${position} ${text}`}>
              <span className="said line-text">
                {of === null ? null : <strong>{of}: </strong>}
                {text}
              </span>
              {repo === null ? null : <span className="quiet">{repo}</span>}
              {run === null ? null : (
                <Link to="/runs/$id" params={{ id: run }}>
                  its run
                </Link>
              )}
              <When at={at} />
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function Digest({ of }: { of: DigestView }) {
  return (
    <>
      <Section title="Needs you">
        {of.needsYou.length === 0 ? (
          <p className="quiet">Nothing waits for a person.</p>
        ) : (
          <ul className="lines-list">
            {of.needsYou.map(({ position, title, text, who, acts }) => (
              <li key={`${position} ${text}`}>
                <span className="said line-text">
                  {title === null ? null : <strong>{title}: </strong>}
                  {text} <span className="quiet">({who})</span>
                </span>
                <Next acts={acts} />
              </li>
            ))}
          </ul>
        )}
      </Section>
      <Lines title="Broke or went back" lines={of.broke} none="Nothing did." />
      <Lines title="Shipped" lines={of.shipped} none="Nothing did." />
      <Section title="Spent">
        <p>
          <strong>{money(of.spent.usd)}</strong>
          {of.spent.repos.map(
            ({ repo, usd, stages }) => ` · ${repo} ${money(usd)} on ${some(stages, 'stage')}`,
          )}
        </p>
      </Section>
    </>
  );
}

export function Figures() {
  const [hours, setHours] = useState<number>(USUAL.hours);
  const [repo, setRepo] = useState('');
  const repos = useAnswer('listRepos', { query: { limit: 500 } }).data ?? [];
  // One instant as long as the page is looked at, so that what it asks stays the same question.
  const from = useMemo(() => Date.now() - hours * HOUR_MS, [hours]);
  const query = { from, ...(repo === '' ? {} : { repo }) };
  const metrics = useAnswer('showMetrics', { query });
  const digest = useAnswer('showDigest', { query });
  return (
    <>
      <h1>Figures</h1>
      <div className="filters">
        <label className="field">
          Of
          <select value={hours} onChange={(event) => setHours(Number(event.target.value))}>
            {PERIODS.map((one) => (
              <option key={one.hours} value={one.hours}>
                {one.name}
              </option>
            ))}
          </select>
        </label>
        <label className="field">
          Repository
          <select value={repo} onChange={(event) => setRepo(event.target.value)}>
            <option value="">all</option>
            {repos.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </div>
      <Section title="How the factory does">
        <Loaded of={metrics} lines={8}>
          {(seen) => <Metrics of={seen} />}
        </Loaded>
      </Section>
      <Loaded of={digest} lines={6}>
        {(seen) => <Digest of={seen} />}
      </Loaded>
    </>
  );
}
