import { z } from 'zod';
import { Problem } from './errors.ts';
import { BASE, ROUTE_NAMES, ROUTES, type Route } from './routes.ts';
import * as schemas from './schemas.ts';

type Json = Record<string, unknown>;
type Io = 'input' | 'output';

/** Shapes with a name of their own are told once, and named where they are used. */
const named = z.registry<{ id: string }>();
for (const [id, schema] of Object.entries({ ...schemas, Problem }))
  if (schema instanceof z.ZodType) named.add(schema, { id });

/** A schema as JSON Schema; what it names is added to `components`. */
function told(schema: z.ZodType, io: Io, components: Json): Json {
  // Within an object: the schema itself is then told by its name too, where it has one.
  const written = JSON.stringify(
    z.toJSONSchema(z.object({ it: schema }), {
      ...{ io, metadata: named, unrepresentable: 'any', target: 'draft-2020-12' },
      override: ({ jsonSchema }) => {
        delete jsonSchema.id;
      },
    }),
  );
  const { properties, $defs = {} }: { properties: { it: Json }; $defs?: Json } = JSON.parse(
    written.replaceAll('"#/$defs/', '"#/components/schemas/'),
  );
  Object.assign(components, $defs);
  return properties.it;
}

function parameters(route: Route, components: Json): Json[] {
  const kinds = { path: route.params, query: route.query, header: route.headers };
  return Object.entries(kinds).flatMap(([place, schema]) => {
    if (schema === undefined) return [];
    const { properties = {}, required = [] } = told(schema, 'input', components) as {
      properties?: Json;
      required?: string[];
    };
    return Object.entries(properties).map(([name, json]) => ({
      ...{ name, in: place, required: place === 'path' || required.includes(name), schema: json },
    }));
  });
}

const json = (schema: Json) => ({ 'application/json': { schema } });

function operation(name: string, route: Route, components: Json): Json {
  const answer = {
    description: route.summary,
    content:
      route.response === null
        ? { [route.type ?? 'text/plain']: { schema: { type: 'string' } } }
        : json(told(route.response, 'output', components)),
  };
  const where = route.there === true ? ', in the unit or repository that it is asked of' : '';
  const wants = Array.isArray(route.may) ? ` Wants the role ${route.may.join(' or ')}${where}.` : '';
  return {
    operationId: name,
    description: `${route.summary}.${wants}`,
    tags: [route.for],
    ...(route.may === 'open' || route.may === 'code' || route.may === 'signed' ? { security: [] } : {}),
    parameters: parameters(route, components),
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: json(told(route.body, 'input', components)) } }),
    responses: {
      ...Object.fromEntries((route.statuses ?? [200]).map((status) => [status, answer])),
      default: {
        description: 'What is refused, and what to do next',
        content: { 'application/problem+json': { schema: told(Problem, 'output', components) } },
      },
    },
  };
}

/** OpenAPI 3.1 of every route, made from the route table. */
export function openApi(version: string): { openapi: string; paths: Record<string, Json> } & Json {
  const components: Json = {};
  const paths: Record<string, Json> = {};
  for (const name of ROUTE_NAMES) {
    const route: Route = ROUTES[name];
    const path = BASE + route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(name, route, components) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Millwright', version },
    security: [{ token: [] }],
    paths,
    components: { schemas: components, securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  };
}
