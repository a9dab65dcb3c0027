import { Link } from '@tanstack/react-router';
import { useAnswer } from '../api/queries.ts';
import { Loaded } from '../parts/loaded.tsx';
import { Empty, Section } from '../parts/section.tsx';
import { Status } from '../parts/status.tsx';
import { When } from '../parts/time.tsx';

function List({ state }: { state: 'waiting' | 'all' }) {
  const gates = useAnswer('listGates', { query: { state, limit: 100 } });
  return (
    <Loaded of={gates}>
      {(all) =>
        all.length === 0 ? (
          <Empty>
            <p>
              {state === 'waiting'
                ? 'No gate waits for a person. What waits is here, and on Home, as soon as it is asked.'
                : 'No gate was asked yet.'}
            </p>
          </Empty>
        ) : (
          <ul className="gates">
            {all.toReversed().map((gate) => (
              <li key={gate.id}>
                <p>
                  <Status state={gate.state} />{' '}
                  <Link to="/gates/$id" params={{ id: gate.id }}>
                    {gate.action}: {gate.title}
                  </Link>{' '}
                  <span className="quiet">{gate.repo}</span> <When at={gate.changedAt} />
                  {gate.state === 'waiting' ? (
                    <span className="quiet">
                      {' '}
                      · {gate.approvals.length} of {gate.approvalsNeeded} said yes · expires{' '}
                      <When at={gate.expiresAt} />
                    </span>
                  ) : null}
                </p>
                <p className="said">{gate.reason}</p>
              </li>
            ))}
          </ul>
        )
      }
    </Loaded>
  );
}

export function Gates() {
  return (
    <>
      <h1>Gates</h1>
      <Section title="Waiting for people">
        <List state="waiting" />
      </Section>
      <Section title="Asked lately">
        <List state="all" />
      </Section>
    </>
  );
}
