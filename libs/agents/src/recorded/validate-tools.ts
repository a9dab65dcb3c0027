import { isRecord } from './wire.ts';

/** Client tools with a type of Anthropic's, and the only name each may have. */
const ANTHROPIC_TOOLS: Readonly<Record<string, string>> = {
  bash_20250124: 'bash',
  text_editor_20250728: 'str_replace_based_edit_tool',
};

/** Says what is wrong with a request's `tools`, or null. */
export function checkTools(tools: unknown): string | null {
  if (tools === undefined) return null;
  if (!Array.isArray(tools)) return 'tools: Input should be a valid list';
  const names = new Set<string>();
  for (const [index, tool] of tools.entries()) {
    const at = `tools.${index}`;
    if (!isRecord(tool)) return `${at}: Input should be a valid object`;
    const { name, type } = tool;
    if (typeof name !== 'string') return `${at}.name: Field required`;
    if (names.has(name)) return 'tools: Tool names must be unique.';
    names.add(name);
    if (type === undefined || type === null || type === 'custom') {
      const fault = checkCustom(tool, at);
      if (fault !== null) return fault;
    } else if (typeof type !== 'string' || !Object.hasOwn(ANTHROPIC_TOOLS, type)) {
      return `${at}: Input tag '${String(type)}' found using 'type' does not match any of the expected tags: 'bash_20250124', 'custom', 'text_editor_20250728'`;
    } else if (name !== ANTHROPIC_TOOLS[type]) {
      return `${at}.${type}.name: Input should be '${ANTHROPIC_TOOLS[type]}'`;
    } else if (tool.input_schema !== undefined) {
      return `${at}.${type}.input_schema: Extra inputs are not permitted`;
    }
  }
  return null;
}

function checkCustom(tool: Record<string, unknown>, at: string): string | null {
  if (!/^[a-zA-Z0-9_-]{1,128}$/.test(String(tool.name)))
    return `${at}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`;
  const schema = tool.input_schema;
  if (schema === undefined) return `${at}.custom.input_schema: Field required`;
  if (!isRecord(schema)) return `${at}.custom.input_schema: Input should be a valid object`;
  if (schema.type !== 'object') return `${at}.custom.input_schema.type: Input should be 'object'`;
  if (schema.properties !== undefined && !isRecord(schema.properties))
    return `${at}.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12`;
  return tool.strict === true ? checkStrict(schema, `${at}.custom`) : null;
}

/** Strict tools are compiled to a grammar, which takes less than JSON Schema. Source: "JSON Schema limitations" of the structured-outputs page. */
const NOT_IN_STRICT = [
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'maxItems',
  'uniqueItems',
];

function checkStrict(schema: Record<string, unknown>, at: string): string | null {
  if (schema.type === 'object' && schema.additionalProperties !== false)
    return `${at}: For 'object' type, 'additionalProperties' must be explicitly set to false`;
  for (const keyword of NOT_IN_STRICT)
    if (schema[keyword] !== undefined)
      return `${at}: For '${String(schema.type)}' type, property '${keyword}' is not supported`;
  const children = [
    ...(isRecord(schema.properties) ? Object.values(schema.properties) : []),
    schema.items,
    ...(Array.isArray(schema.anyOf) ? schema.anyOf : []),
  ];
  for (const child of children) {
    const fault = isRecord(child) ? checkStrict(child, at) : null;
    if (fault !== null) return fault;
  }
  return null;
}
