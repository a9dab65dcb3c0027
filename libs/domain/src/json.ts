import type { z } from 'zod';
import type { Digest } from './ids.ts';
import type { Artifacts } from './ports.ts';
import { mapFreeText, maskFreeText } from './words.ts';

// JSON artifacts: parsed by their schema on the way in (which also fixes the order of their keys) and on the way out.

/** Secrets in free text are masked. Throws zod's error when `value` does not fit: an artifact that does not parse is never stored. */
export async function putJson<S extends z.ZodType>(
  artifacts: Artifacts,
  schema: S,
  value: z.input<S>,
): Promise<Digest> {
  const masked = maskFreeText(schema, schema.parse(value));
  const mask = await artifacts.mask?.();
  const known = mask === undefined ? masked : mapFreeText(schema, masked, mask);
  return artifacts.put(new TextEncoder().encode(JSON.stringify(known)));
}

/** Throws when the artifact is absent, is not JSON or does not fit. */
export async function getJson<S extends z.ZodType>(
  artifacts: Artifacts,
  schema: S,
  digest: Digest,
): Promise<z.output<S>> {
  return schema.parse(
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await artifacts.get(digest))),
  );
}
