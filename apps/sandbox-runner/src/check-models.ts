import { effortOf, factsOfModel, modelsOf, unknownModel } from '@millwright/agents';
import { Role } from '@millwright/domain';
import type { Runner } from './attempt/runner.ts';

/** What a check of a model, or of all models of a role, found, as the note that `doctor` and the start gate read. */
export type ModelCheck = { ok: boolean; roles: Role[]; detail: string };
type Found = { kind: 'there' | 'passes' | 'lasts'; detail: string };
/** Null takes the note back. */
type Tell = (key: string, said: string | null) => Promise<void>;

/** What somebody has to mend before anybody's asking is of any use. All else may pass by itself. */
const LASTS: readonly string[] = ['auth', 'billing', 'model', 'endpoint', 'no_price'];

/**
 * Asks the endpoint for every model that a role would ask first, and tells each by `model/NAME`: with this key, is it there? Those that it would
 * ask after it are named, and asked for where the first cannot be had. A model without a price is told the same way; an effort that there is not
 * and a `models.json` that cannot be read by `model-setting/NAME`. A role that no model of its list answers for is told by `model-role/ROLE`, and
 * is in what this gives: nothing is begun until that is mended. Costs nothing. Throws when telling fails.
 */
export async function checkModels(
  runner: Pick<Runner, 'client' | 'models' | 'catalog'>,
  tell: Tell,
): Promise<ModelCheck[]> {
  const said = (model: string, check: ModelCheck) => tell(`model/${model}`, JSON.stringify(check));
  const setting = (name: string, check: ModelCheck) => tell(`model-setting/${name}`, JSON.stringify(check));
  const catalog = await runner.catalog();
  if (catalog.kind === 'bad') {
    const check = { ok: false, roles: [...Role.options], detail: catalog.problem };
    await setting('models.json', check);
    return [check];
  }
  await setting('models.json', { ok: true, roles: [], detail: 'readable' });
  const found = new Map<string, Found>();
  const look = async (model: string): Promise<Found> => {
    const before = found.get(model);
    if (before !== undefined) return before;
    const known = factsOfModel(model, catalog.catalog) !== null;
    const now: Found = known
      ? await asked(runner.client, model)
      : { kind: 'lasts', detail: unknownModel(model, catalog.catalog) };
    found.set(model, now);
    return now;
  };
  const wanted = new Map<string, Role[]>();
  const unasked: ModelCheck[] = [];
  for (const role of Role.options) {
    const effort = effortOf(role, runner.models);
    if (effort.kind === 'bad')
      await setting(`effort-${role}`, { ok: false, roles: [role], detail: effort.problem });
    const models = modelsOf(role, runner.models);
    const [first] = models;
    if (first !== undefined) wanted.set(first, [...(wanted.get(first) ?? []), role]);
    const looked: Found[] = [];
    for (const model of models) {
      looked.push(await look(model));
      if (looked.at(-1)?.kind !== 'lasts') break;
    }
    if (looked.some(({ kind }) => kind !== 'lasts')) continue;
    const detail = [...new Set(looked.map((one) => one.detail))].join('; ');
    const same = unasked.find((one) => one.detail === detail);
    if (same === undefined) unasked.push({ ok: false, roles: [role], detail });
    else same.roles.push(role);
  }
  const after = Role.options.flatMap((role) => modelsOf(role, runner.models).slice(1));
  for (const model of after) {
    if (wanted.has(model)) continue;
    const known = factsOfModel(model, catalog.catalog) !== null;
    const detail = known ? 'asked where another fails' : unknownModel(model, catalog.catalog);
    await said(model, { ok: known, roles: known ? [] : [...Role.options], detail });
  }
  for (const [model, roles] of wanted) {
    const { kind, detail } = await look(model);
    await said(model, { ok: kind === 'there', roles, detail });
  }
  for (const role of Role.options) {
    const check = unasked.find(({ roles }) => roles.includes(role));
    await tell(
      `model-role/${role}`,
      check === undefined ? null : JSON.stringify({ ...check, roles: [role] }),
    );
  }
  return unasked;
}

async function asked(client: Runner['client'], model: string): Promise<Found> {
  const checked = await client.check(model, AbortSignal.timeout(15_000));
  if (checked.kind === 'there') return { kind: 'there', detail: 'it is there for this key' };
  const { kind, detail } = checked.failure;
  // A check asks the same each time: that it is refused lasts. In earnest it is one prompt's own affair.
  return { kind: LASTS.includes(kind) || kind === 'request' ? 'lasts' : 'passes', detail };
}

/** Takes back what a runner before this one found of the roles: it may have had another key. */
export async function forgetRoles(tell: Tell): Promise<void> {
  for (const role of Role.options) await tell(`model-role/${role}`, null);
}

/**
 * What asking in earnest found, which a check cannot: that there is no credit. Told until an attempt of the role has its answer, or the next check
 * finds the model; a run that is begun then pays nothing either, where it is refused again.
 */
export function tellRoles(tell: Tell): Runner['answered'] {
  const silent = new Set<Role>();
  return async (role, end) => {
    const lasts = end.kind === 'unavailable' && LASTS.includes(end.code);
    if (lasts) {
      silent.add(role);
      await tell(`model-role/${role}`, JSON.stringify({ ok: false, roles: [role], detail: end.detail }));
    } else if (end.kind === 'submitted' && silent.delete(role)) await tell(`model-role/${role}`, null);
  };
}
