import {
  type BudgetScope,
  factoryStream,
  type RepoName,
  type RoleScope,
  type RunId,
  type TicketId,
  type UnitName,
} from '@millwright/domain';
import type { FastifyInstance } from 'fastify';
import { applyBudgets } from '../../streams/budgets.ts';
import { isUnit } from '../../streams/units.ts';
import { type Api, serve, serveThere } from '../api.ts';
import { appendAs } from '../append-as.ts';
import { nextIs } from '../page.ts';
import { notFound } from '../problem.ts';

export function budgetRoutes(app: FastifyInstance, api: Api): void {
  const { factory } = api;
  const { views, store } = factory;
  /**
   * Whose cap it is to set. Of a unit's own the factory's: how much it may spend is not said by who spends it. Throws 404 where there is no such
   * scope.
   */
  const setBy = async (scope: string): Promise<RoleScope> => {
    const [kind, id = ''] = scope.split('/');
    const repo = async (): Promise<RepoName | undefined> => {
      if (kind === 'repo') return views.open.repo(id as RepoName)?.repo;
      if (kind === 'ticket')
        return (await views.with({ tickets: [id as TicketId] })).tickets.get(id as TicketId)?.repo;
      return (await views.with({ runs: [id as RunId] })).run(id as RunId)?.repo;
    };
    if (kind === 'factory') return { kind };
    if (kind === 'unit' && (await isUnit(factory, id as UnitName))) return { kind: 'factory' };
    const of = kind === 'unit' ? undefined : await repo();
    if (of === undefined)
      throw notFound('scope', scope, 'factory, or one of: unit/NAME, repo/NAME, ticket/ID, run/ID');
    return { kind: 'repo', repo: of };
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

  serveThere(
    app,
    api,
    'setBudget',
    ({ body }) => setBy(body.scope),
    async (request) => {
      const { scope, usd, reason } = request.body;
      await appendAs(factory, factoryStream(), request.who, {
        type: 'factory.budget-set',
        data: { scope, usd, reason },
      });
      await applyBudgets(factory);
      return store.budget.list({ scopes: [scope as BudgetScope] });
    },
  );
}
