import type { RunView, StageView } from '@millwright/api';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useAnswer } from '../api/queries.ts';
import { CanaryActs } from '../parts/acts.tsx';
import { Canary } from '../parts/canary.tsx';
import { Command } from '../parts/copy.tsx';
import { ChangeDiff } from '../parts/diff.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Output } from '../parts/output.tsx';
import { Next } from '../parts/problem.tsx';
import { Replay } from '../parts/replay.tsx';
import { RunActs, SayOfRun, Steer } from '../parts/run-acts.tsx';
import { Empty, Fact, Facts, Section } from '../parts/section.tsx';
import { Status, Tag } from '../parts/status.tsx';
import { Tests } from '../parts/tests.tsx';
import { Lasting, useNow, When } from '../parts/time.tsx';
import { count, money, short } from '../words/format.ts';
import { RUN_TABS } from '../words/tabs.ts';

const route = getRouteApi('/runs/$id');

/** While an agent is at work, what it does is asked for so often: it is no entry of the trail. Milliseconds. */
const LOOK_MS = 2_000;

/** What a stage says beside its state. */
function stageWord({ state, reason, action, doing }: StageView): string {
  if (state !== 'running') return reason ?? action ?? '';
  return doing ?? action ?? '';
}

/** Stages below each other over one time, as wide as each took. */
function Stages({ run }: { run: RunView }) {
  const now = useNow();
  const from = run.startedAt;
  const whole = Math.max(1, (run.endedAt ?? Math.max(now, from)) - from);
  const place = (at: number) => Math.min(100, Math.max(0, ((at - from) / whole) * 100));
  if (run.stages.length === 0) return <p className="quiet">No stage has begun.</p>;
  return (
    <ol className="stages">
      {run.stages.map((stage) => {
        const [left, right] = [place(stage.startedAt), place(stage.endedAt ?? now)];
        return (
          <li key={stage.attemptId} className="stage">
            <Status state={stage.state} />
            <span className="stage-name">
              {stage.kind}
              {stage.attempt > 1 ? ` #${stage.attempt}` : ''}{' '}
              <span className="quiet">{[stage.task, stage.title].filter(Boolean).join(' ')}</span>
            </span>
            <span className="bar" aria-hidden="true">
              <i
                data-state={stage.state}
                style={{ marginInlineStart: `${left}%`, width: `${Math.max(0.6, right - left)}%` }}
              />
            </span>
            {stage.state === 'waiting' ? <span /> : <Lasting from={stage.startedAt} to={stage.endedAt} />}
            <span className="figure">{money(stage.usage.usd)}</span>
            <span className="stage-word said">{stageWord(stage)}</span>
          </li>
        );
      })}
    </ol>
  );
}

function Gates({ run }: { run: RunView }) {
  if (run.gates.length === 0) return <p className="quiet">No gate was asked yet.</p>;
  return (
    <ul className="gates">
      {run.gates.map((gate) => (
        <li key={gate.id}>
          <Link to="/gates/$id" params={{ id: gate.id }}>
            {gate.action}
          </Link>{' '}
          <Status state={gate.state} />
          <p className="said">{gate.reason}</p>
        </li>
      ))}
    </ul>
  );
}

const CHECKS = {
  met: ['done', 'met'],
  not_met: ['failed', 'not met'],
  cannot_tell: ['waiting', 'cannot tell'],
} as const;

function Overview({ run }: { run: RunView }) {
  const { change, delivered, usage } = run;
  return (
    <>
      <Section title="Stages">
        <Stages run={run} />
      </Section>
      {run.canary === null ? null : (
        <Section title="Canary">
          <Canary canary={run.canary} />
          {run.canary.ended === null ? (
            <CanaryActs repo={run.repo} paused={run.canary.paused !== null} />
          ) : null}
        </Section>
      )}
      <Section title="Gates">
        <Gates run={run} />
      </Section>
      {run.checks.length === 0 ? null : (
        <Section title="Acceptance checks">
          <ul className="checks">
            {run.checks.map(({ acceptance, kind, state, why }) => (
              <li key={acceptance}>
                <Status state={CHECKS[state][0]} word={CHECKS[state][1]} /> {acceptance}{' '}
                <span className="quiet">
                  {kind === 'guard' ? 'a guard: as before the change' : ''} {why}
                </span>
              </li>
            ))}
          </ul>
        </Section>
      )}
      {run.open.length + run.noticed.length === 0 ? null : (
        <Section title="Left open, and noticed on the way">
          <ul>
            {run.open.map((one) => (
              <li key={one.message}>
                <Tag>{one.severity}</Tag> <code>{one.path}</code> <span className="said">{one.message}</span>
              </li>
            ))}
            {run.noticed.map((one) => (
              <li key={one.text}>
                <Tag>{one.role}</Tag> <span className="said">{one.text}</span>
              </li>
            ))}
          </ul>
        </Section>
      )}
      <Section title="Record">
        <Facts>
          <Fact name="ticket">
            <Link to="/tickets/$id" params={{ id: run.ticket }}>
              {run.ticket}
            </Link>
          </Fact>
          <Fact name="change">
            {change === null
              ? null
              : `${short(change.base)} → ${short(change.commit)}, tree ${short(change.tree)}`}
          </Fact>
          <Fact name="delivered">
            {delivered === null ? null : `${delivered.kind} on ${delivered.ref}, ${short(delivered.commit)}`}
          </Fact>
          <Fact name="release">
            {run.release === null ? null : (
              <Link to="/releases/$id" params={{ id: run.release }}>
                {run.release}
              </Link>
            )}
          </Fact>
          <Fact name="kept">{run.kept}</Fact>
          <Fact name="skipped">{run.skipped}</Fact>
          <Fact name="model">{run.model}</Fact>
          <Fact name="tokens">
            {`${count(usage.inputTokens)} in, ${count(usage.cacheReadTokens)} from cache, ${count(usage.outputTokens)} out`}
          </Fact>
          <Fact name="trail">
            <Link to="/trail" search={{ run: run.id }}>
              its entries
            </Link>
          </Fact>
        </Facts>
        <Command>{`./millwright run show ${run.id}`}</Command>
      </Section>
    </>
  );
}

function DiffTab({ id }: { id: string }) {
  const diff = useAnswer('showDiff', { params: { id } });
  const reviews = useAnswer('listReviews', { params: { id }, query: { limit: 200 } });
  return <Loaded of={diff}>{(seen) => <ChangeDiff diff={seen} reviews={reviews.data ?? []} />}</Loaded>;
}

function TestsTab({ id }: { id: string }) {
  const tests = useAnswer('listTests', { params: { id }, query: { limit: 100 } });
  return (
    <Loaded of={tests}>
      {(all) =>
        all.length === 0 ? (
          <Empty>
            <p>Nothing was tested yet.</p>
          </Empty>
        ) : (
          all.toReversed().map((one) => <Tests key={one.artifact} tests={one} />)
        )
      }
    </Loaded>
  );
}

function Turns({ id, attempt }: { id: string; attempt: string }) {
  const lines = useAnswer('showLogs', { params: { id }, query: { attempt, limit: 200 } });
  return (
    <Loaded of={lines}>
      {(turns) => (
        <ol className="turns">
          {turns.map((line) => (
            <li key={line.position}>
              {line.blocks.map(({ kind, text, cut }, nth) => (
                <div key={`${line.position}-${nth.toString()}`} className="turn-block" data-kind={kind}>
                  <span className="turn-kind">{kind}</span>
                  <Output text={cut ? `${text}\n… cut` : text} />
                </div>
              ))}
            </li>
          ))}
        </ol>
      )}
    </Loaded>
  );
}

/** A line a turn; opened, a stage shows what was said, called and answered in each. */
function LogTab({ run }: { run: RunView }) {
  const [open, setOpen] = useState<string | null>(null);
  const lines = useAnswer('showLogs', { params: { id: run.id }, query: { limit: 500 } });
  return (
    <Loaded of={lines} lines={8}>
      {(turns) =>
        turns.length === 0 ? (
          <Empty>
            <p>No agent has taken a turn yet.</p>
          </Empty>
        ) : (
          run.stages
            .map((stage) => ({ stage, own: turns.filter(({ attempt }) => attempt === stage.attemptId) }))
            .filter(({ own }) => own.length > 0)
            .map(({ stage: { attemptId, kind, task, attempt, state }, own }) => (
              <section key={attemptId} className="log-stage">
                <h2>
                  <Status state={state} /> {kind} {task} {attempt > 1 ? `#${attempt}` : ''}
                  <button
                    type="button"
                    className="button"
                    data-size="small"
                    aria-expanded={open === attemptId}
                    onClick={() => setOpen(open === attemptId ? null : attemptId)}
                  >
                    {open === attemptId ? 'Less' : 'All of it'}
                  </button>
                </h2>
                {open === attemptId ? (
                  <Turns id={run.id} attempt={attemptId} />
                ) : (
                  <ol className="log">
                    {own.map((line) => (
                      <li key={line.position}>
                        <When at={line.at} />
                        <span className="said">{line.text}</span>
                        <span className="figure">{line.usd === 0 ? '' : money(line.usd)}</span>
                      </li>
                    ))}
                  </ol>
                )}
              </section>
            ))
        )
      }
    </Loaded>
  );
}

function CostTab({ id }: { id: string }) {
  const cost = useAnswer('showCost', { params: { id } });
  return (
    <Loaded of={cost}>
      {({ usage, stages, dearest, budgets }) => (
        <>
          <p>
            <strong>{money(usage.usd)}</strong> in all: {count(usage.inputTokens)} tokens in,{' '}
            {count(usage.cacheReadTokens)} from cache, {count(usage.outputTokens)} out.
          </p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is scrolled by keys too */}
          <section className="scroll-x" tabIndex={0} aria-label="What each stage cost">
            <table>
              <thead>
                <tr>
                  <th scope="col">Stage</th>
                  <th scope="col">Turns</th>
                  <th scope="col">Cost</th>
                  <th scope="col">Tool output</th>
                  <th scope="col">Written</th>
                  <th scope="col">Thinking</th>
                </tr>
              </thead>
              <tbody>
                {stages.map((stage) => (
                  <tr key={stage.attemptId}>
                    <th scope="row">
                      {stage.kind} {stage.task} {stage.attempt > 1 ? `#${stage.attempt}` : ''}
                    </th>
                    <td>{stage.turns}</td>
                    <td>{money(stage.usage.usd)}</td>
                    <td>{count(stage.went.toolOutput)}</td>
                    <td>{count(stage.went.written)}</td>
                    <td>{count(stage.went.thinking)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
          {dearest.length === 0 ? null : (
            <Section title="Dearest turns">
              <ol>
                {dearest.map((one) => (
                  <li key={`${one.attemptId}/${one.turn}`}>
                    <span className="figure">{money(one.usage.usd)}</span>{' '}
                    {[one.kind, one.task].filter(Boolean).join(' ')}:{' '}
                    <span className="said">{one.action}</span>
                  </li>
                ))}
              </ol>
            </Section>
          )}
          <Section title="Taken from">
            <Facts>
              {budgets.map(({ scope, spentUsd, capUsd }) => (
                <Fact key={scope} name={scope}>
                  {`${money(spentUsd)}${capUsd === null ? ', no cap' : ` of ${money(capUsd)}`}`}
                </Fact>
              ))}
            </Facts>
          </Section>
        </>
      )}
    </Loaded>
  );
}

function WhyTab({ id }: { id: string }) {
  const why = useAnswer('explainRun', { params: { id } });
  return (
    <Loaded of={why}>
      {({ because, said, who, next }) => (
        <>
          <ol className="because">
            {because.map(({ at, position, text }) => (
              <li key={position}>
                <When at={at} /> <span className="said">{text}</span>
              </li>
            ))}
          </ol>
          {said.length === 0 ? null : <Output text={said.join('\n')} />}
          <p>{who === null ? 'Nobody has to act: it is over.' : `The ${who} acts next.`}</p>
          <Next acts={next.acts} hint={next.hint} />
        </>
      )}
    </Loaded>
  );
}

const TABS = {
  overview: 'Overview',
  diff: 'Diff',
  tests: 'Tests',
  log: 'Log',
  replay: 'Replay',
  cost: 'Cost',
  why: 'Why',
} as const;

export function Run() {
  const { id } = route.useParams();
  const search = route.useSearch();
  const { tab = 'overview' } = search;
  const seen = useAnswer('showRun', { params: { id } });
  const busy = seen.data?.stages.some(({ state }) => state === 'running') ?? false;
  useAnswer('showRun', { params: { id } }, { refetchInterval: busy ? LOOK_MS : false });
  return (
    <Loaded of={seen} lines={10}>
      {(run) => (
        <>
          <header className="page-head">
            <h1>{run.title}</h1>
            <p className="head-line">
              <Status state={run.state} /> <span>{run.repo}</span>{' '}
              <Lasting from={run.startedAt} to={run.endedAt} />{' '}
              <span className="figure">{money(run.usage.usd)}</span> <When at={run.startedAt} />
            </p>
            {run.stop === null ? null : (
              <p className="why">
                <Tag tone="wait">stopped</Tag> by {run.stop.by}: {run.stop.reason}
              </p>
            )}
            {run.reason === null || run.stop !== null ? null : <p className="said reason">{run.reason}</p>}
            {run.unknown.map(({ effect, position }) => (
              <p key={position} className="why">
                <Tag tone="wait">outcome unknown</Tag> {effect} (entry {position}); the factory looks, and
                records what it finds
              </p>
            ))}
            <Next acts={run.acts.filter(({ act }) => act !== 'retry-run' && act !== 'cancel-run')} />
            <RunActs run={run} />
          </header>
          <nav className="tabs" aria-label="Parts of the run">
            {RUN_TABS.map((one) => (
              <Link
                key={one}
                to="/runs/$id"
                params={{ id }}
                search={one === 'overview' ? {} : { tab: one }}
                activeOptions={{ exact: true, includeSearch: true }}
                aria-current={one === tab ? 'page' : undefined}
              >
                {TABS[one]}
              </Link>
            ))}
          </nav>
          {tab === 'overview' ? <SayOfRun run={run} /> : null}
          {tab === 'overview' ? <Steer run={run} /> : null}
          {tab === 'overview' ? <Overview run={run} /> : null}
          {tab === 'diff' ? <DiffTab id={id} /> : null}
          {tab === 'tests' ? <TestsTab id={id} /> : null}
          {tab === 'log' ? <LogTab run={run} /> : null}
          {tab === 'replay' ? <Replay run={run} search={search} /> : null}
          {tab === 'cost' ? <CostTab id={id} /> : null}
          {tab === 'why' ? <WhyTab id={id} /> : null}
        </>
      )}
    </Loaded>
  );
}
