import type Anthropic from '@anthropic-ai/sdk';
import { z } from 'zod';
import { BASH, EDIT } from './inputs.ts';

/** The tools of a request. Only the submit tool needs a schema: models know Anthropic's own by their type. */
export function offeredTools(
  submit: { name: string; description: string; schema: z.ZodObject },
  writes: boolean,
): Anthropic.ToolUnion[] {
  // roles/noticed.ts takes it off again.
  const withNoticed = submit.schema.extend({ noticed: z.array(z.string()).optional() });
  return [
    { type: 'bash_20250124', name: BASH },
    ...(writes ? [{ type: 'text_editor_20250728', name: EDIT } as const] : []),
    {
      name: submit.name,
      description: submit.description,
      strict: true,
      input_schema: lean(z.toJSONSchema(withNoticed, { io: 'output' })) as Anthropic.Tool.InputSchema,
    },
  ];
}

/**
 * What a strict tool's grammar takes: types, enums, required, additionalProperties. Lengths and ranges are refused by the API there
 * (see recorded/validate-tools.ts); zod checks them when the call arrives.
 */
const KEPT = new Set([
  'type',
  'properties',
  'items',
  'required',
  'additionalProperties',
  'enum',
  'anyOf',
  'const',
]);

function lean(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(lean);
  if (typeof schema !== 'object' || schema === null) return schema;
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (!KEPT.has(key)) continue;
    out[key] =
      key === 'properties'
        ? Object.fromEntries(Object.entries(value as object).map(([name, inner]) => [name, lean(inner)]))
        : lean(value);
  }
  return out;
}
