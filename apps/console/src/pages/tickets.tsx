import { Link } from '@tanstack/react-router';
import { useAnswer } from '../api/queries.ts';
import { Loaded } from '../parts/loaded.tsx';
import { Empty } from '../parts/section.tsx';
import { Status, Tag } from '../parts/status.tsx';
import { When } from '../parts/time.tsx';

export function Tickets() {
  const tickets = useAnswer('listTickets', { query: { limit: 200 } });
  return (
    <>
      <h1>Tickets</h1>
      <Link to="/file" className="button" data-tone="accent">
        File a ticket
      </Link>
      <Loaded of={tickets} lines={8}>
        {(all) =>
          all.length === 0 ? (
            <Empty>
              <p>No ticket was filed yet.</p>
            </Empty>
          ) : (
            <ul className="lines-list">
              {all.toReversed().map(({ id, state, ticket, repo, author, filedAt }) => (
                <li key={id}>
                  <Status state={state} />
                  <Link to="/tickets/$id" params={{ id }}>
                    {ticket.title}
                  </Link>
                  <Tag>{ticket.kind}</Tag>
                  <span className="quiet">
                    {repo}, by {author}
                  </span>
                  <When at={filedAt} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </>
  );
}
