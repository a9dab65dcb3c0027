import type { DoctorLine, GateView, RollbackStatus, RunView, TicketView } from '@millwright/api';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useAnswer } from '../api/queries.ts';
import { CanaryActs, RollbackButton } from '../parts/acts.tsx';
import { Command } from '../parts/copy.tsx';
import { Live } from '../parts/live.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Next } from '../parts/problem.tsx';
import { RunLines } from '../parts/run-line.tsx';
import { Empty, Section } from '../parts/section.tsx';
import { Status, Tag } from '../parts/status.tsx';
import { When } from '../parts/time.tsx';
import { money, some } from '../words/format.ts';

/** The newest of each list: home tells of now. */
const NEWEST = { query: { limit: 50 } };

function Call({
  to,
  sign,
  title,
  children,
}: {
  to: string;
  sign: string;
  title: string;
  children: ReactNode;
}) {
  return (
    <li>
      <Link to={to} className="call">
        <span className="call-sign" aria-hidden="true">
          {sign}
        </span>
        <span>
          <strong>{title}</strong>
          <span className="quiet">{children}</span>
        </span>
      </Link>
    </li>
  );
}

type Needs = {
  gates: readonly GateView[];
  tickets: readonly TicketView[];
  runs: readonly RunView[];
  targets: readonly RollbackStatus[];
  doctor: readonly DoctorLine[];
};

const nameOf = (runs: readonly RunView[], id: string) => runs.find((run) => run.id === id)?.title ?? id;

/** What goes no further without a person. */
function NeedsYou({ gates, tickets, runs, targets, doctor }: Needs) {
  const asking = tickets.filter(({ question, state }) => question !== null && state === 'waiting');
  const gated = new Set(gates.map(({ run }) => run));
  const asked = new Set(asking.flatMap((one) => one.runs));
  const parked = runs.filter(
    ({ id, state, acts, endedAt }) =>
      endedAt === null && state === 'waiting' && acts.length > 0 && !gated.has(id) && !asked.has(id),
  );
  const frozen = targets.filter((one) => one.frozen !== null);
  const sick = doctor.filter(({ ok }) => !ok);
  const n = gates.length + asking.length + parked.length + frozen.length + sick.length;
  return (
    <Section title="Needs you" aside={n === 0 ? null : <Tag tone="wait">{n}</Tag>}>
      {n === 0 ? (
        <p className="quiet">Nothing waits for a person.</p>
      ) : (
        <ul className="calls">
          {frozen.map(({ repo, frozen: freeze }) => (
            <Call key={repo} to="/releases" sign="‖" title={`${repo} is frozen by ${freeze?.who}`}>
              {freeze?.reason}
            </Call>
          ))}
          {gates.map((gate) => (
            <Call
              key={gate.id}
              to={`/gates/${gate.id}`}
              sign="⊓"
              title={`Allow the ${gate.action}? ${nameOf(runs, gate.run)}`}
            >
              {gate.repo} · {gate.approvals.length} of {gate.approvalsNeeded} said yes · expires{' '}
              <When at={gate.expiresAt} />
            </Call>
          ))}
          {asking.map(({ id, question, ticket }) => (
            <Call key={id} to={`/tickets/${id}`} sign="?" title={`Answer: ${ticket.title}`}>
              {question}
            </Call>
          ))}
          {parked.map(({ id, title, reason }) => (
            <Call key={id} to={`/runs/${id}`} sign="‖" title={`Waits for you: ${title}`}>
              {reason}
            </Call>
          ))}
          {sick.map(({ id, text, fix }) => (
            <li key={id} className="call">
              <span className="call-sign" aria-hidden="true">
                !
              </span>
              <span>
                <strong>{text}</strong>
                {fix === null ? null : <Next acts={fix.acts} hint={fix.hint} />}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

/** What serves where, and the way back from it. */
function Serving({ targets }: { targets: readonly RollbackStatus[] }) {
  const deployed = targets.filter(({ live, canary }) => live !== null || canary !== null);
  if (deployed.length === 0) return null;
  return (
    <Section title="Serving">
      <div className="cards">
        {deployed.map((status) => {
          const { repo, live, canary, frozen } = status;
          return (
            <article key={repo} className="card">
              <h3>
                {repo} {frozen === null ? null : <Status state="frozen" />}
              </h3>
              {live === null ? null : (
                <Live of={live}>
                  <When at={live.servedAt} />
                </Live>
              )}
              {canary === null ? null : (
                <>
                  <p>
                    <Status state="canary" word={`canary at ${canary.percent} %`} />{' '}
                    <Link to="/releases/$id" params={{ id: canary.release }}>
                      {canary.release}
                    </Link>
                  </p>
                  <CanaryActs repo={repo} paused={canary.paused !== null} />
                </>
              )}
              <RollbackButton status={status} />
            </article>
          );
        })}
      </div>
    </Section>
  );
}

function Spend() {
  const budgets = useAnswer('listBudgets', { query: { limit: 100 } });
  return (
    <Section title="Spend" aside={<Link to="/budgets">Budgets</Link>}>
      <Loaded of={budgets} lines={2}>
        {(all) => {
          const top = all.filter(({ scope }) => !/^(ticket|run)\//.test(scope));
          return top.length === 0 ? (
            <p className="quiet">Nothing was spent, and nothing is capped.</p>
          ) : (
            <ul className="meters">
              {top.map(({ scope, spentUsd, reservedUsd, capUsd }) => (
                <li key={scope}>
                  <span>{scope}</span>
                  <span className="figure">
                    {money(spentUsd)}
                    {capUsd === null ? ', no cap' : ` of ${money(capUsd)}`}
                  </span>
                  {capUsd === null ? null : (
                    <meter
                      min={0}
                      max={capUsd}
                      high={capUsd * 0.8}
                      value={Math.min(capUsd, spentUsd + reservedUsd)}
                      aria-label={`${scope}: spent and reserved of its cap`}
                    />
                  )}
                </li>
              ))}
            </ul>
          );
        }}
      </Loaded>
    </Section>
  );
}

function Autonomy() {
  const repos = useAnswer('listRepos', { query: { limit: 500 } });
  return (
    <Section title="Autonomy" aside={<Link to="/autonomy">Set it</Link>}>
      <Loaded of={repos} lines={2}>
        {(all) => (
          <ul className="steps">
            {all.map(({ name, step, ceiling, demoted, troubles }) => (
              <li key={name}>
                <span>
                  <strong>{name}</strong> step {step} of 7
                  {ceiling !== null && ceiling < step ? ` (its file allows ${ceiling})` : ''}
                </span>
                <span className="ladder" aria-hidden="true">
                  {Array.from({ length: 8 }, (_, nth) => (
                    <i key={nth.toString()} data-on={nth <= step} />
                  ))}
                </span>
                {demoted.map((one) => (
                  <span key={one.kind} className="quiet">
                    ↓ {one.kind} changes at {one.step}, {one.served} of {one.needed} good releases since
                  </span>
                ))}
                {troubles.map(({ code, text }) => (
                  <span key={code} className="quiet">
                    ! {text}
                  </span>
                ))}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Section>
  );
}

/** Before there is anything to show: how something comes to be. */
function FirstSteps() {
  return (
    <Empty>
      <h1>Three steps to the first change</h1>
      <ol className="first">
        <li>
          <strong>Take a repository.</strong> It says how it is tested and deployed in its own{' '}
          <code>millwright.yaml</code>.<Command>./millwright repo add /srv/git/shop.git</Command>
        </li>
        <li>
          <strong>Say how far machines go by themselves.</strong> 0 asks people at every gate; going back
          never asks anybody.
          <Command>./millwright autonomy set 5 --repo shop --reason "good tests"</Command>
        </li>
        <li>
          <strong>File a ticket.</strong> A heading, and what is wanted.
          <Command>./millwright ticket file ticket.md --repo shop --follow</Command>
        </li>
      </ol>
      <p>This page follows by itself.</p>
    </Empty>
  );
}

export function Home() {
  const repos = useAnswer('listRepos', { query: { limit: 500 } });
  const runs = useAnswer('listRuns', NEWEST);
  const gates = useAnswer('listGates', NEWEST);
  const tickets = useAnswer('listTickets', NEWEST);
  const targets = useAnswer('listTargets', { query: { limit: 100 } });
  const doctor = useAnswer('doctor', undefined, { refetchInterval: 30_000 });
  if (repos.data?.length === 0) return <FirstSteps />;
  const all = runs.data ?? [];
  const newest = all.toReversed();
  const open = newest.filter(({ endedAt }) => endedAt === null);
  const ended = newest.filter(({ endedAt }) => endedAt !== null).slice(0, 8);
  return (
    <div className="home">
      <h1 className="unseen">Home</h1>
      <div className="home-main">
        <Loaded of={gates}>
          {(waiting) => (
            <NeedsYou
              gates={waiting}
              tickets={tickets.data ?? []}
              runs={all}
              targets={targets.data ?? []}
              doctor={doctor.data ?? []}
            />
          )}
        </Loaded>
        <Loaded of={targets}>{(all) => <Serving targets={all} />}</Loaded>
        <Section
          title="Running"
          aside={open.length === 0 ? null : <span className="quiet">{some(open.length, 'run')}</span>}
        >
          <Loaded of={runs}>
            {() =>
              open.length === 0 ? <p className="quiet">Nothing runs now.</p> : <RunLines runs={open} />
            }
          </Loaded>
        </Section>
        <Section title="Shipped and taken back" aside={<Link to="/runs">All runs</Link>}>
          <Loaded of={runs}>
            {() =>
              ended.length === 0 ? <p className="quiet">Nothing has ended yet.</p> : <RunLines runs={ended} />
            }
          </Loaded>
        </Section>
      </div>
      <div className="home-side">
        <Autonomy />
        <Spend />
      </div>
    </div>
  );
}
