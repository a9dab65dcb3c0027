import { effortOf, factsOfModel, modelsOf, unknownModel } from '@millwright/agents';
import { Role } from '@millwright/domain';
import type { Runner } from './attempt/runner.ts';

/** What a check of a model found, as the note that `doctor` reads. */
export type ModelCheck = { ok: boolean; roles: Role[]; detail: string };

/**
 * Asks the endpoint for every model that a role would ask first, and tells each: with this key, is it there? A model without a price, an effort that
 * there is not and a `models.json` that cannot be read are told the same way. Costs nothing. Throws when telling fails.
 */
export async function checkModels(
  runner: Pick<Runner, 'client' | 'models' | 'catalog'>,
  tell: (model: string, said: string) => Promise<void>,
): Promise<void> {
  const said = (model: string, check: ModelCheck) => tell(model, JSON.stringify(check));
  const catalog = await runner.catalog();
  if (catalog.kind === 'bad')
    return said('models.json', { ok: false, roles: [...Role.options], detail: catalog.problem });
  await tell('models.json', JSON.stringify({ ok: true, roles: [], detail: 'readable' } satisfies ModelCheck));
  const wanted = new Map<string, Role[]>();
  for (const role of Role.options) {
    const effort = effortOf(role, runner.models);
    if (effort.kind === 'bad')
      await said(`effort-${role}`, { ok: false, roles: [role], detail: effort.problem });
    const [first] = modelsOf(role, runner.models);
    if (first !== undefined) wanted.set(first, [...(wanted.get(first) ?? []), role]);
  }
  for (const [model, roles] of wanted) {
    if (factsOfModel(model, catalog.catalog) === null) {
      await said(model, { ok: false, roles, detail: unknownModel(model, catalog.catalog) });
      continue;
    }
    const checked = await runner.client.check(model, AbortSignal.timeout(15_000));
    const detail = checked.kind === 'there' ? 'it is there for this key' : checked.failure.detail;
    await said(model, { ok: checked.kind === 'there', roles, detail });
  }
}
