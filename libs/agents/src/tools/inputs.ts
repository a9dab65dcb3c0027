import { z } from 'zod';

// What the two tools take, as Anthropic defines them.
// Sources: https://platform.claude.com/docs/en/agents-and-tools/tool-use/bash-tool and …/text-editor-tool

export const BASH = 'bash';
export const EDIT = 'str_replace_based_edit_tool';

export const BashInput = z
  .strictObject({ command: z.string().min(1).optional(), restart: z.boolean().optional() })
  .refine((input) => input.command !== undefined || input.restart === true, 'give a command');
export type BashInput = z.infer<typeof BashInput>;

const path = z.string().min(1).max(4_096);

export const EditInput = z.discriminatedUnion('command', [
  z.strictObject({
    command: z.literal('view'),
    path,
    view_range: z.tuple([z.number().int(), z.number().int()]).optional(),
  }),
  z.strictObject({ command: z.literal('create'), path, file_text: z.string() }),
  z.strictObject({
    command: z.literal('str_replace'),
    path,
    old_str: z.string().min(1),
    new_str: z.string().default(''),
  }),
  z.strictObject({
    command: z.literal('insert'),
    path,
    insert_line: z.number().int().min(0),
    insert_text: z.string(),
  }),
]);
export type EditInput = z.infer<typeof EditInput>;
