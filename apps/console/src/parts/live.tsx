import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Status } from './status.tsx';

/** What serves: its tickets, as the way to its release, and what is said of it. */
export function Live({
  of: { release, tickets },
  children,
}: {
  of: { release: string; tickets: readonly { title: string }[] };
  children: ReactNode;
}) {
  return (
    <p>
      <Status state="live" />{' '}
      <Link to="/releases/$id" params={{ id: release }}>
        {tickets.map(({ title }) => title).join('; ') || release}
      </Link>{' '}
      <span className="quiet">{children}</span>
    </p>
  );
}
