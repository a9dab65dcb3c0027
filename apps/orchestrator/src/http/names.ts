import { maskDeep } from '@millwright/domain';
import type { Store } from '@millwright/store';

type Ports = { store: Pick<Store, 'people'> };

/** People's names by id: they lie outside the trail. */
export async function namesOf(factory: Ports): Promise<Map<string, string>> {
  return new Map((await factory.store.people.list()).map((person) => [person.id as string, person.name]));
}

/** A person's id within a text. One that stands alone is a value, and stays one. */
const WITHIN = /(?:(?<=.)\bper_[0-9a-z]{8,32}\b|\bper_[0-9a-z]{8,32}\b(?=.))/gs;
export const named = (text: string, names: ReadonlyMap<string, string>): string =>
  text.replace(WITHIN, (id) => names.get(id) ?? id);

/** How long an answer waits for the names: it may be one of going back, with the database away. Milliseconds. */
const NAMES_MS = 250;

/** What people are shown, with names where its texts have people's ids, as the trail keeps them. */
export async function withNames(factory: Ports, shown: unknown): Promise<unknown> {
  let some = false;
  maskDeep(shown, (text) => {
    some ||= text.search(WITHIN) >= 0;
    return text;
  });
  if (!some) return shown;
  const late = new Promise<Map<string, string>>((resolve) =>
    setTimeout(resolve, NAMES_MS, new Map()).unref(),
  );
  const names = await Promise.race([namesOf(factory).catch(() => new Map<string, string>()), late]);
  return maskDeep(shown, (text) => named(text, names));
}
