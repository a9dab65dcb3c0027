/** An entry as it is stored. */
type Raw = { type: string; data: unknown };

/** Brings an entry of an older form to today's, before it is parsed. The stored bytes stay as they are. */
type Upcast = (raw: Raw) => Raw;

/** The entry with fields that its older forms had not. */
const since = ({ type, data }: Raw, added: object): Raw => ({
  type,
  data: { ...added, ...(data as object) },
});

/**
 * By type, what brings each older form to today's. The forms that there were, with entries of each, are in fixtures/forms.json; forms.test.ts reads
 * them all with this, and fails where a form changes that is not kept there.
 */
const UPCASTERS: Readonly<Record<string, Upcast>> = {
  // Tests were of the whole change alone, and were not compared with earlier ones.
  'change.tested': (raw) => since(raw, { task: null, failure: null }),
  'task.integrated': (raw) => since(raw, { united: [] }),
};

export const upcast: Upcast = (raw) => UPCASTERS[raw.type]?.(raw) ?? raw;
