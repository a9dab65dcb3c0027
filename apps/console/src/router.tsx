import { createRootRoute, createRoute, createRouter, Link, lazyRouteComponent } from '@tanstack/react-router';
import { Home } from './pages/home.tsx';
import { Problem } from './parts/problem.tsx';
import { Empty } from './parts/section.tsx';
import { Shell } from './parts/shell.tsx';
import { readRunsSearch } from './words/runs-filter.ts';
import { readRunSearch } from './words/tabs.ts';
import { readTrailSearch } from './words/trail-filter.ts';

// Every page by its address. An address can be sent to somebody, and says what they will see; all but Home are loaded when they are gone to.

const root = createRootRoute({
  component: Shell,
  notFoundComponent: NotThere,
  errorComponent: ({ error }) => (
    <Problem error={error instanceof Error ? error : new Error(String(error))} />
  ),
});
const at = <P extends string>(path: P) => ({ getParentRoute: () => root, path }) as const;

const tree = root.addChildren([
  createRoute({ ...at('/'), component: Home }),
  createRoute({
    ...at('/runs'),
    validateSearch: readRunsSearch,
    component: lazyRouteComponent(() => import('./pages/runs.tsx'), 'Runs'),
  }),
  createRoute({
    ...at('/runs/$id'),
    validateSearch: readRunSearch,
    component: lazyRouteComponent(() => import('./pages/run.tsx'), 'Run'),
  }),
  createRoute({ ...at('/gates'), component: lazyRouteComponent(() => import('./pages/gates.tsx'), 'Gates') }),
  createRoute({
    ...at('/gates/$id'),
    component: lazyRouteComponent(() => import('./pages/gate.tsx'), 'Gate'),
  }),
  createRoute({
    ...at('/tickets'),
    component: lazyRouteComponent(() => import('./pages/tickets.tsx'), 'Tickets'),
  }),
  createRoute({
    ...at('/file'),
    component: lazyRouteComponent(() => import('./pages/file-ticket.tsx'), 'FileTicket'),
  }),
  createRoute({
    ...at('/figures'),
    component: lazyRouteComponent(() => import('./pages/figures.tsx'), 'Figures'),
  }),
  createRoute({
    ...at('/autonomy'),
    component: lazyRouteComponent(() => import('./pages/autonomy.tsx'), 'Autonomy'),
  }),
  createRoute({
    ...at('/budgets'),
    component: lazyRouteComponent(() => import('./pages/budgets.tsx'), 'Budgets'),
  }),
  createRoute({
    ...at('/policy'),
    component: lazyRouteComponent(() => import('./pages/policy.tsx'), 'Policy'),
  }),
  createRoute({
    ...at('/repositories'),
    component: lazyRouteComponent(() => import('./pages/repositories.tsx'), 'Repositories'),
  }),
  createRoute({
    ...at('/people'),
    component: lazyRouteComponent(() => import('./pages/people.tsx'), 'People'),
  }),
  createRoute({
    ...at('/tickets/$id'),
    component: lazyRouteComponent(() => import('./pages/ticket.tsx'), 'TicketPage'),
  }),
  createRoute({
    ...at('/releases'),
    component: lazyRouteComponent(() => import('./pages/releases.tsx'), 'Releases'),
  }),
  createRoute({
    ...at('/releases/$id'),
    component: lazyRouteComponent(() => import('./pages/release.tsx'), 'Release'),
  }),
  createRoute({
    ...at('/trail'),
    validateSearch: readTrailSearch,
    component: lazyRouteComponent(() => import('./pages/trail.tsx'), 'Trail'),
  }),
]);

export const router = createRouter({ routeTree: tree, defaultPreload: 'intent', scrollRestoration: true });

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

function NotThere() {
  return (
    <Empty>
      <h1>There is no such page</h1>
      <p>
        The address may be of another version, or cut. <Link to="/">Home</Link>
      </p>
    </Empty>
  );
}
