import { BudgetView, NewBudget } from '@millwright/api';
import { factoryStream, type RepoName, type RunId, type TicketId } from '@millwright/domain';
import { z } from 'zod';
import { applyBudgets } from '../../budgets.ts';
import type { Api, App } from '../api.ts';
import { requireRole } from '../authenticate.ts';
import { notFound } from '../problem.ts';
import { say } from '../say.ts';

export function budgetRoutes(app: App, { factory }: Api): void {
  const { world, store } = factory;
  const known = (scope: string): boolean => {
    const [kind, id = ''] = scope.split('/');
    if (kind === 'repo') return world.repo(id as RepoName) !== undefined;
    if (kind === 'ticket') return world.tickets.has(id as TicketId);
    return kind === 'run' ? world.runs.has(id as RunId) : true;
  };

  app.get('/budgets', { schema: { response: { 200: z.array(BudgetView) } } }, () => store.budget.list());

  app.post(
    '/budgets',
    { schema: { body: NewBudget, response: { 200: z.array(BudgetView) } } },
    async (request) => {
      requireRole(request.who, 'admin');
      const { scope, usd, reason } = request.body;
      if (!known(scope)) throw notFound('scope', scope, 'factory, or one of: repo/NAME, ticket/ID, run/ID');
      await say(factory, factoryStream(), request.who, {
        type: 'factory.budget-set',
        data: { scope, usd, reason },
      });
      await applyBudgets(factory);
      return store.budget.list();
    },
  );
}
