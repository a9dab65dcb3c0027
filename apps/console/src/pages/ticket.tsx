import { getRouteApi, Link } from '@tanstack/react-router';
import { useAnswer } from '../api/queries.ts';
import { Loaded } from '../parts/loaded.tsx';
import { Markdown } from '../parts/markdown.tsx';
import { Output } from '../parts/output.tsx';
import { Next } from '../parts/problem.tsx';
import { Say } from '../parts/run-acts.tsx';
import { Fact, Facts, Section } from '../parts/section.tsx';
import { Status, Tag } from '../parts/status.tsx';
import { When } from '../parts/time.tsx';

const route = getRouteApi('/tickets/$id');

export function TicketPage() {
  const { id } = route.useParams();
  const seen = useAnswer('showTicket', { params: { id } });
  return (
    <Loaded of={seen} lines={8}>
      {(view) => (
        <>
          <header className="page-head">
            <h1>{view.ticket.title}</h1>
            <p className="head-line">
              <Status state={view.state} /> <span>{view.repo}</span> <Tag>{view.ticket.kind}</Tag> filed by{' '}
              {view.author} <When at={view.filedAt} />
            </p>
            {view.next === null ? null : (
              <>
                <p>
                  {view.next.who}: {view.next.text}
                </p>
                <Next acts={view.next.acts.filter(({ act }) => act !== 'answer-ticket')} />
              </>
            )}
          </header>
          <Say ticket={view} />
          <Section title="What is asked for">
            <Markdown text={view.ticket.body} />
            {view.ticket.acceptance.length === 0 ? null : (
              <ul>
                {view.ticket.acceptance.map((one) => (
                  <li key={one}>{one}</li>
                ))}
              </ul>
            )}
          </Section>
          {view.evidence.length === 0 ? null : (
            <Section title="What was seen">
              <Output text={view.evidence.join('\n')} />
            </Section>
          )}
          <Section title="Record">
            <Facts>
              <Fact name="id">{view.id}</Fact>
              <Fact name="runs">
                {view.runs.map((run) => (
                  <div key={run}>
                    <Link to="/runs/$id" params={{ id: run }}>
                      {run}
                    </Link>
                  </div>
                ))}
              </Fact>
              <Fact name="follows">
                {view.follows === null ? null : (
                  <Link to="/runs/$id" params={{ id: view.follows }}>
                    {view.follows}
                  </Link>
                )}
              </Fact>
              <Fact name="priority">{view.ticket.priority}</Fact>
              <Fact name="labels">{view.ticket.labels.join(', ')}</Fact>
            </Facts>
          </Section>
        </>
      )}
    </Loaded>
  );
}
