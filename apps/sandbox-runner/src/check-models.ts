import { effortOf, factsOfModel, modelsOf, unknownModel } from '@millwright/agents';
import { Role } from '@millwright/domain';
import type { Runner } from './attempt/runner.ts';

/** What a check of a model found, as the note that `doctor` reads. */
export type ModelCheck = { ok: boolean; roles: Role[]; detail: string };

/**
 * Asks the endpoint for every model that a role would ask first, and tells each by `model/NAME`: with this key, is it there? Those that it would
 * ask after it are named, and not asked for. A model without a price is told the same way; an effort that there is not and a `models.json` that
 * cannot be read by `model-setting/NAME`. Costs nothing. Throws when telling fails.
 */
export async function checkModels(
  runner: Pick<Runner, 'client' | 'models' | 'catalog'>,
  tell: (key: string, said: string) => Promise<void>,
): Promise<void> {
  const said = (model: string, check: ModelCheck) => tell(`model/${model}`, JSON.stringify(check));
  const setting = (name: string, check: ModelCheck) => tell(`model-setting/${name}`, JSON.stringify(check));
  const catalog = await runner.catalog();
  if (catalog.kind === 'bad')
    return setting('models.json', { ok: false, roles: [...Role.options], detail: catalog.problem });
  await setting('models.json', { ok: true, roles: [], detail: 'readable' });
  const wanted = new Map<string, Role[]>();
  const after: string[] = [];
  for (const role of Role.options) {
    const effort = effortOf(role, runner.models);
    if (effort.kind === 'bad')
      await setting(`effort-${role}`, { ok: false, roles: [role], detail: effort.problem });
    const [first, ...then] = modelsOf(role, runner.models);
    if (first !== undefined) wanted.set(first, [...(wanted.get(first) ?? []), role]);
    after.push(...then);
  }
  for (const model of after) {
    if (wanted.has(model)) continue;
    const known = factsOfModel(model, catalog.catalog) !== null;
    const detail = known ? 'asked where another fails' : unknownModel(model, catalog.catalog);
    await said(model, { ok: known, roles: known ? [] : [...Role.options], detail });
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
