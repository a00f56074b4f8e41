import type { TSchema } from "typebox";
import { problem } from "../schemas.ts";
import type { Route } from "./route.ts";

/** Path of the interface on the server. */
export const API = "/api/v1";

/** Returns the OpenAPI 3.1 document of the routes. */
export function openApi(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const operations = paths[route.path] ?? {};
    paths[route.path] = operations;
    operations[route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "voltbridge",
      version: "1",
      description: "Charging stations of a voltbridge: values, history, sessions, limits, and its own state.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: API }],
    paths,
    components: {
      schemas: { Problem: problem },
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "A token of `web.tokens`." },
        session: {
          type: "apiKey",
          in: "cookie",
          name: "__Host-voltbridge",
          description: "Set by a login; `voltbridge` over plain http on this machine.",
        },
      },
    },
    security: [{ token: [] }, { session: [] }],
  };
}

function operation({ method, path, role, summary, tag, query, body, responses, content }: Route): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string", minLength: 1 },
  }));
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[^A-Za-z]+(\w?)/g, (_, next: string) => next.toUpperCase())}`,
    summary,
    tags: [tag],
    "x-role": role,
    ...(role === "open" && { security: [] }),
    parameters: [...inPath, ...parametersOf(query)],
    ...(body && { requestBody: { required: true, content: { "application/json": { schema: body } } } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(responses ?? {}).map(([status, schema]) => [status, answer(status, schema)]),
      ),
      ...(content && {
        200: {
          description: "OK",
          content: {
            ...Object.fromEntries(content.map((type) => [type, { schema: { type: "string" } }])),
            ...(responses?.[200] && { "application/json": { schema: responses[200] } }),
          },
        },
      }),
      default: {
        description: "Refused or failed.",
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    },
  };
}

const STATUS: Readonly<Record<string, string>> = { 200: "OK", 201: "Created", 202: "Accepted", 204: "Done" };

function answer(status: string, schema: TSchema | undefined): object {
  const description = STATUS[status] ?? "Answer";
  return schema ? { description, content: { "application/json": { schema } } } : { description };
}

function parametersOf(query: TSchema | undefined): object[] {
  const { properties = {}, required = [] } = (query ?? {}) as {
    properties?: Record<string, TSchema & { description?: string }>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    ...(schema.description !== undefined && { description: schema.description }),
    required: required.includes(name),
    schema,
  }));
}
