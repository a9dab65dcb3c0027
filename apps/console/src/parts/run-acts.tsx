import type { RunView, TicketView } from '@millwright/api';
import { call } from '../api/client.ts';
import { useAnswer } from '../api/queries.ts';
import { cancelCommand, retryCommand } from '../words/commands.ts';
import { AnswerForm } from './answer.tsx';
import { Section } from './section.tsx';
import { ActSheet } from './sheet.tsx';

export function RetryButton({ run }: { run: RunView }) {
  return (
    <ActSheet
      button="Let it go on"
      tone="accent"
      title="Let the run go on"
      confirm="Let it go on"
      command={(reason) => retryCommand(run.id, reason)}
      act={async (reason) => {
        await call('retryRun', { params: { id: run.id }, body: { reason } });
        return 'It goes on from where it was.';
      }}
    >
      <p>It goes on from where it was, and pays for nothing twice.</p>
    </ActSheet>
  );
}

export function CancelButton({ run }: { run: RunView }) {
  return (
    <ActSheet
      button="Cancel"
      tone="danger"
      title="Cancel the run"
      confirm="Cancel it"
      command={(reason) => cancelCommand(run.id, reason)}
      act={async (reason) => {
        await call('cancelRun', { params: { id: run.id }, body: { reason } });
        return 'Cancelled.';
      }}
    >
      <p>
        Its agents are cut off. A canary of it is taken back and its merge reverted; what was made is kept
        under a ref.
      </p>
    </ActSheet>
  );
}

export const retries = (run: RunView): boolean => run.acts.some(({ act }) => act === 'retry-run');

/** Those who plan and make can be told something on the way. */
const atWork = ({ stages }: RunView): boolean =>
  stages.some(({ kind, state }) => (kind === 'plan' || kind === 'implement') && state === 'running');

/** A sentence to the agents at work. */
export function Steer({ run }: { run: RunView }) {
  if (run.endedAt !== null || !atWork(run)) return null;
  return (
    <Section title="Say to its agents">
      <p>
        Whoever plans or makes this now reads it beside its next results and keeps to it from then on. Whoever
        says something here can not approve what comes of it.
      </p>
      <AnswerForm
        button="Say it"
        send={async (text) => {
          await call('steerRun', { params: { id: run.id }, body: { text } });
          return 'Said: it is read beside the next results.';
        }}
      />
    </Section>
  );
}

export function RunActs({ run }: { run: RunView }) {
  const [again, open] = [retries(run), run.endedAt === null];
  if (!again && !open) return null;
  return (
    <div className="acts">
      {again ? <RetryButton run={run} /> : null}
      {open ? <CancelButton run={run} /> : null}
    </div>
  );
}

/** What one can say to a ticket: an answer to its question, or, once a run of it is over, word for another one. */
export function Say({ ticket }: { ticket: TicketView }) {
  const { id, question, state } = ticket;
  if (question !== null)
    return (
      <Section title="It asks">
        <p className="said">{question}</p>
        <AnswerForm
          button="Answer"
          send={async (text) => {
            await call('answerTicket', { params: { id }, body: { text } });
            return 'Answered: the run goes on.';
          }}
        />
      </Section>
    );
  if (state !== 'closed' && state !== 'reopened') return null;
  return (
    <Section title="Another run">
      <p>What you say here starts another run of this ticket, which is paid for.</p>
      <AnswerForm
        button="Start another run"
        send={async (text) => {
          await call('answerTicket', { params: { id }, body: { text, again: true } });
          return 'Another run starts.';
        }}
      />
    </Section>
  );
}

/** The same on the page of its newest run. */
export function SayOfRun({ run }: { run: RunView }) {
  const ticket = useAnswer('showTicket', { params: { id: run.ticket } }).data;
  return ticket === undefined || ticket.runs.at(-1) !== run.id ? null : <Say ticket={ticket} />;
}
