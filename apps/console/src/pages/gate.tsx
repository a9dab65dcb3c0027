import type { GateEvidence, GateView } from '@millwright/api';
import { getRouteApi, Link } from '@tanstack/react-router';
import { call } from '../api/client.ts';
import { useAnswer } from '../api/queries.ts';
import { Command } from '../parts/copy.tsx';
import { ChangeDiff } from '../parts/diff.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Markdown } from '../parts/markdown.tsx';
import { Output } from '../parts/output.tsx';
import { Next } from '../parts/problem.tsx';
import { Fact, Facts, Section } from '../parts/section.tsx';
import { ActSheet } from '../parts/sheet.tsx';
import { Status, Tag } from '../parts/status.tsx';
import { Tests } from '../parts/tests.tsx';
import { When } from '../parts/time.tsx';
import { approveCommand, denyCommand } from '../words/commands.ts';
import { wordsOf } from '../words/format.ts';

const route = getRouteApi('/gates/$id');

/** What one says at a gate that was decided meanwhile is refused in words; the page then shows the gate as it is. */
function Decide({ gate, evidence }: { gate: GateView; evidence: GateEvidence | undefined }) {
  const params = { id: gate.id };
  const said = (seen: GateView) =>
    seen.state === 'waiting'
      ? `Your yes is on the trail: ${seen.approvals.length} of ${seen.approvalsNeeded}.`
      : `The gate is ${wordsOf(seen.state)}.`;
  return (
    <div className="decide">
      <ActSheet
        button="Deny"
        tone="danger"
        title={`Deny the ${gate.action}`}
        confirm="Deny"
        command={(reason) => denyCommand(gate.id, reason)}
        act={async (reason) => said((await call('denyGate', { params, body: { reason } })).value)}
      >
        <p>
          The run ends denied. What was made is kept; the ticket can be answered, which starts another run.
        </p>
      </ActSheet>
      <ActSheet
        button="Approve"
        tone="accent"
        title={`Approve the ${gate.action}`}
        confirm="Approve"
        command={(reason) => approveCommand(gate.id, reason)}
        disabled={evidence === undefined}
        act={async (reason) => said((await call('approveGate', { params, body: { reason } })).value)}
      >
        {evidence === undefined ? null : (
          <>
            <p className="said">{evidence.binds}</p>
            <ul>
              {evidence.does.map((one) => (
                <li key={one}>{one}</li>
              ))}
            </ul>
          </>
        )}
      </ActSheet>
    </div>
  );
}

function Evidence({ evidence }: { evidence: GateEvidence }) {
  const { ticket, plan, diff, reviews, tests, troubles } = evidence;
  const current = reviews.filter((one) => one.current);
  return (
    <>
      <Section title="What a yes does">
        <p className="said">{evidence.binds}</p>
        <ul>
          {evidence.does.map((one) => (
            <li key={one}>{one}</li>
          ))}
        </ul>
      </Section>
      {troubles.length === 0 ? null : (
        <Section title="In the way">
          {troubles.map(({ code, text, fix }) => (
            <div key={code}>
              <p className="said">{text}</p>
              <Next acts={fix.acts} hint={fix.hint} />
            </div>
          ))}
        </Section>
      )}
      <Section title="What was asked for">
        <h3>{ticket.title}</h3>
        <Markdown text={ticket.body} />
        {ticket.acceptance.length === 0 ? null : (
          <ul>
            {ticket.acceptance.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        )}
      </Section>
      {diff === null ? null : (
        <Section title="The change, what is dangerous first">
          <ChangeDiff diff={diff} reviews={reviews} />
        </Section>
      )}
      {tests === null ? null : (
        <Section title="Tests">
          <Tests tests={tests} />
        </Section>
      )}
      {current.length === 0 ? null : (
        <Section title="Reviews">
          {current.map((one) => (
            <article key={one.artifact} className="card">
              <p>
                <Status
                  state={one.verdict === 'approve' ? 'allowed' : 'changes_requested'}
                  word={wordsOf(one.verdict)}
                />{' '}
                {one.task}
              </p>
              <p className="said">{one.summary}</p>
            </article>
          ))}
        </Section>
      )}
      {plan === null || plan.kind !== 'tasks' ? null : (
        <Section title="Plan">
          <p className="said">{plan.summary}</p>
          <ol>
            {plan.tasks.map((task) => (
              <li key={task.id}>
                <details>
                  <summary>{task.title}</summary>
                  <p className="said">{task.instructions}</p>
                  {task.places?.map((place) => (
                    <p className="said" key={place}>
                      {place}
                    </p>
                  ))}
                </details>
              </li>
            ))}
          </ol>
        </Section>
      )}
    </>
  );
}

export function Gate() {
  const { id } = route.useParams();
  const seen = useAnswer('showGate', { params: { id } });
  const evidence = useAnswer('showEvidence', { params: { id } });
  return (
    <Loaded of={seen} lines={10}>
      {(gate) => (
        <>
          <header className="page-head">
            <h1>
              {gate.state === 'waiting' || gate.state === 'asked'
                ? `Allow the ${gate.action} of ${gate.repo}?`
                : `The ${gate.action} of ${gate.repo}`}
            </h1>
            <p className="head-line">
              <Status state={gate.state} />
              {gate.state === 'waiting' ? (
                <span>
                  {gate.approvals.length} of {gate.approvalsNeeded} said yes, expires{' '}
                  <When at={gate.expiresAt} />
                </span>
              ) : (
                <When at={gate.changedAt} />
              )}
              <Link to="/runs/$id" params={{ id: gate.run }}>
                {gate.title}
              </Link>
            </p>
            <p className="said">{gate.reason}</p>
            <p>
              {gate.policies.map((one) => (
                <Tag key={one}>{one}</Tag>
              ))}
            </p>
            {gate.approvals.map(({ person, name, reason, at }) => (
              <p key={person}>
                <Status state="allowed" word={`${name} said yes`} /> <When at={at} />: <q>{reason}</q>
              </p>
            ))}
            {gate.stop === null ? null : (
              <p className="why">
                <Tag tone="wait">stopped</Tag> by {gate.stop.by}: {gate.stop.reason}
              </p>
            )}
            <Next acts={gate.acts} />
          </header>
          <Loaded of={evidence} lines={12}>
            {(known) => <Evidence evidence={known} />}
          </Loaded>
          <Section title="The facts that it was judged on">
            <details>
              <summary>As they are</summary>
              <Output text={JSON.stringify(gate.facts, null, 2)} />
            </details>
            <Facts>
              <Fact name="subject">{gate.subject}</Fact>
            </Facts>
            <Command>{`./millwright gate show ${gate.id}`}</Command>
          </Section>
          {gate.state === 'waiting' ? <Decide gate={gate} evidence={evidence.data} /> : null}
        </>
      )}
    </Loaded>
  );
}
