import {
  type BudgetScope,
  factoryStream,
  type RepoName,
  type RunId,
  type TicketId,
  type UnitName,
} from '@millwright/domain';
import type { FastifyInstance } from 'fastify';
import { applyBudgets } from '../../streams/budgets.ts';
import { isUnit } from '../../streams/units.ts';
import { type Api, serve } from '../api.ts';
import { appendAs } from '../append-as.ts';
import { nextIs } from '../page.ts';
import { notFound } from '../problem.ts';

export function budgetRoutes(app: FastifyInstance, { factory }: Api): void {
  const { views, store } = factory;
  const known = async (scope: string): Promise<boolean> => {
    const [kind, id = ''] = scope.split('/');
    if (kind === 'unit') return isUnit(factory, id as UnitName);
    if (kind === 'repo') return views.open.repo(id as RepoName) !== undefined;
    if (kind === 'ticket')
      return (await views.with({ tickets: [id as TicketId] })).tickets.has(id as TicketId);
    return kind !== 'run' || (await views.with({ runs: [id as RunId] })).runs.has(id as RunId);
  };

  serve(app, 'listBudgets', async (request, reply) => {
    const { limit, cursor } = request.query;
    const found = await store.budget.list({
      limit: limit + 1,
      ...(cursor === undefined ? {} : { after: cursor }),
    });
    const part = found.slice(0, limit);
    const last = part.at(-1);
    if (found.length > limit && last !== undefined) nextIs(reply, last.scope);
    return part;
  });

  serve(app, 'setBudget', async (request) => {
    const { scope, usd, reason } = request.body;
    if (!(await known(scope)))
      throw notFound('scope', scope, 'factory, or one of: unit/NAME, repo/NAME, ticket/ID, run/ID');
    await appendAs(factory, factoryStream(), request.who, {
      type: 'factory.budget-set',
      data: { scope, usd, reason },
    });
    await applyBudgets(factory);
    return store.budget.list({ scopes: [scope as BudgetScope] });
  });
}
