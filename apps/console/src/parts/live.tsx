import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Status } from './status.tsx';

type Served = { release: string; tickets: readonly { title: string }[] };

/** What a release brought, in its tickets' words. */
export const titlesOf = ({ release, tickets }: Served): string =>
  tickets.map(({ title }) => title).join('; ') || release;

/** What serves: its tickets, as the way to its release, and what is said of it. */
export function Live({ of, children }: { of: Served; children: ReactNode }) {
  return (
    <p>
      <Status state="live" />{' '}
      <Link to="/releases/$id" params={{ id: of.release }}>
        {titlesOf(of)}
      </Link>{' '}
      <span className="quiet">{children}</span>
    </p>
  );
}
