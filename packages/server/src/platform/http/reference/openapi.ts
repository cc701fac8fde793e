/** OpenAPI 3.1 from the list of endpoints, with the schemas that validate and serialize. */
import { z } from 'zod';
import { Problem, type ProblemCode, problems } from '#kernel/problem.ts';
import { cookiesFor } from '../admission/cookies.ts';
import type { ApiEndpoint, DocumentEndpoint, Endpoint, PrincipalKind } from '../endpoint.ts';
import { problemDocument } from '../engine/problem-response.ts';
import { problemsOf } from './derived-problems.ts';
import { exampleValues } from './example-values.ts';

type Json = { readonly [key: string]: unknown };

/** The document (OpenAPI 3.1.1, JSON Schema 2020-12), without pages. */
export function openApiDocument(
  endpoints: readonly Endpoint[],
  options: { readonly publicUrl: URL; readonly cookieDomain?: string | undefined; readonly version: string },
): Json {
  const described = endpoints.filter((endpoint) => endpoint.kind !== 'page');
  const tags = new Set(described.map(tagOf));
  return {
    openapi: '3.1.1',
    info: {
      title: 'Latchkey',
      version: options.version,
      description:
        'Every operation below /api/v1 is also reachable below /api, which is the latest version. ' +
        `Every error is a problem (RFC 9457); its codes are explained at ${options.publicUrl.origin}/docs/problems.`,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: options.publicUrl.origin }],
    tags: [...tags].sort().map((name) => ({ name })),
    paths: pathsOf(described),
    components: {
      schemas: { FieldError: fieldError, Meta: meta, Pagination: pagination, Problem: problem },
      examples: problemExamples(described, options.publicUrl.origin),
      headers: { RequestId: requestIdHeader },
      securitySchemes: securitySchemes(options),
    },
  };
}

function pathsOf(endpoints: readonly (ApiEndpoint | DocumentEndpoint)[]): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const endpoint of endpoints) {
    const operations = paths[endpoint.path] ?? {};
    operations[endpoint.method.toLowerCase()] = operationOf(endpoint);
    paths[endpoint.path] = operations;
  }
  return paths;
}

function operationOf(endpoint: ApiEndpoint | DocumentEndpoint): Json {
  const parameters = parametersOf(endpoint);
  const body = endpoint.kind === 'api' ? endpoint.request.body : undefined;
  return {
    operationId: endpoint.id,
    summary: endpoint.summary,
    ...(endpoint.description !== undefined && { description: endpoint.description }),
    tags: [tagOf(endpoint)],
    security: endpoint.auth.principals.flatMap((kind) => securityOf[kind]),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: {
        required: !body.safeParse(undefined).success,
        content: { 'application/json': { schema: jsonSchema(body, 'input') } },
      },
    }),
    responses: { ...successOf(endpoint), ...problemResponses(endpoint) },
  };
}

/** OpenAPI has no security scheme for a ticket, which is in the body. */
const securityOf: Readonly<Record<PrincipalKind, readonly Json[]>> = {
  public: [],
  ticket: [],
  session: [{ bearer: [] }, { cookie: [] }],
  api_key: [{ bearer: [] }],
};

function tagOf(endpoint: Endpoint): string {
  return endpoint.kind === 'api' ? endpoint.tag : 'documents';
}

function parametersOf(endpoint: ApiEndpoint | DocumentEndpoint): Json[] {
  if (endpoint.kind === 'document') {
    const names = [...endpoint.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    return names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
  }
  const { params, query } = endpoint.request;
  return [...parametersIn(params, 'path'), ...parametersIn(query, 'query')];
}

function parametersIn(schema: z.ZodType | undefined, where: 'path' | 'query'): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = jsonSchema(schema, 'input') as {
    readonly properties?: Readonly<Record<string, Json>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || required.includes(name),
    schema: property,
  }));
}

function successOf(endpoint: ApiEndpoint | DocumentEndpoint): Json {
  const headers = { 'X-Request-Id': { $ref: '#/components/headers/RequestId' } };
  if (endpoint.kind === 'document') {
    const [type = endpoint.contentType] = endpoint.contentType.split(';');
    const { bad } = endpoint;
    const content = { [type]: {} };
    return {
      200: { description: endpoint.summary, headers, content },
      ...(endpoint.cacheSeconds > 0 && {
        304: { description: 'The client has this content (`If-None-Match`)', headers },
      }),
      ...(bad !== undefined && { [bad.status]: { description: bad.when, headers, content } }),
    };
  }
  const { status, message, list } = endpoint.response;
  return {
    [status]: {
      description: message,
      headers,
      content: {
        'application/json': { schema: envelopeOf(endpoint, list === true), example: exampleOf(endpoint) },
      },
    },
  };
}

function envelopeOf(endpoint: ApiEndpoint, list: boolean): Json {
  return {
    type: 'object',
    additionalProperties: false,
    required: ['success', 'message', 'data', 'meta', ...(list ? ['pagination'] : [])],
    properties: {
      success: { const: true },
      message: { type: 'string' },
      data: jsonSchema(endpoint.response.data, 'output'),
      ...(list && { pagination: { $ref: '#/components/schemas/Pagination' } }),
      meta: { $ref: '#/components/schemas/Meta' },
    },
  };
}

function exampleOf({ response }: ApiEndpoint): Json {
  const { message, example, list } = response;
  return {
    success: true,
    message,
    data: JSON.parse(JSON.stringify(example)) as unknown,
    ...(list && { pagination: { limit: 20, nextCursor: null, total: 1 } }),
    meta: exampleMeta,
  };
}

const exampleMeta = { timestamp: exampleValues.authTime, requestId: exampleValues.requestId };

function problemResponses(endpoint: Endpoint): Json {
  const byStatus = Map.groupBy(problemsOf(endpoint), (code) => problems[code].status);
  return Object.fromEntries([...byStatus].map(([status, codes]) => [String(status), problemResponse(status, codes)]));
}

function problemResponse(status: number, codes: readonly ProblemCode[]): Json {
  return {
    description: codes.map((code) => `\`${code}\`: ${problems[code].detail}`).join('\n\n'),
    headers: {
      'X-Request-Id': { $ref: '#/components/headers/RequestId' },
      ...((status === 429 || status === 503) && { 'Retry-After': { schema: { type: 'integer', minimum: 1 } } }),
      ...(status === 401 && { 'WWW-Authenticate': { schema: { type: 'string' } } }),
    },
    content: {
      'application/problem+json': {
        schema: {
          $ref: '#/components/schemas/Problem',
          properties: { status: { const: status }, code: { enum: codes } },
        },
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  };
}

/** One example for each problem that an operation lists, made by the code that makes the problem. */
function problemExamples(endpoints: readonly Endpoint[], publicOrigin: string): Json {
  const codes = [...new Set(endpoints.flatMap(problemsOf))].sort();
  const now = new Date(exampleValues.authTime);
  return Object.fromEntries(
    codes.map((code) => {
      const errors = code === 'validation_failed' ? [exampleFieldError] : [];
      const value = problemDocument(new Problem(code, { errors }), {
        publicOrigin,
        requestId: exampleValues.requestId,
        now,
        production: true,
      });
      return [code, { summary: problems[code].title, value }];
    }),
  );
}

const exampleFieldError = { path: '/email', code: 'required', message: 'This field is required.' };

/** A schema as JSON Schema 2020-12; `io` selects the side of its transforms and defaults. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const made = z.toJSONSchema(schema, {
    io,
    reused: 'inline',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: target }) => {
      if (zodSchema._zod.def.type === 'date') Object.assign(target, { type: 'string', format: 'date-time' });
    },
  });
  const { $schema: _dialect, ...rest } = made as Json & { readonly $schema?: unknown };
  return rest;
}

function securitySchemes(options: { readonly publicUrl: URL; readonly cookieDomain?: string | undefined }): Json {
  return {
    bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT or session token' },
    cookie: {
      type: 'apiKey',
      in: 'cookie',
      name: cookiesFor(options.publicUrl, options.cookieDomain).names.session,
      description: 'A write must come from this site: Sec-Fetch-Site same-origin, or else a matching Origin.',
    },
  };
}

const requestIdHeader: Json = {
  description: 'Identifies the request in the log; also in `meta.requestId`.',
  schema: { type: 'string' },
};

const fieldError: Json = {
  type: 'object',
  additionalProperties: false,
  required: ['path', 'code', 'message'],
  properties: {
    path: { type: 'string', description: 'A JSON Pointer (RFC 6901) into the body, or into the query’s parameters.' },
    code: { type: 'string' },
    message: { type: 'string' },
  },
};

const meta: Json = {
  type: 'object',
  additionalProperties: false,
  required: ['timestamp', 'requestId'],
  properties: { timestamp: { type: 'string', format: 'date-time' }, requestId: { type: 'string' } },
};

const pagination: Json = {
  type: 'object',
  additionalProperties: false,
  required: ['limit', 'nextCursor', 'total'],
  properties: {
    limit: { type: 'integer', minimum: 1 },
    nextCursor: { type: ['string', 'null'] },
    total: { type: 'integer', minimum: 0 },
  },
};

const problem: Json = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code', 'success', 'message', 'errors', 'meta'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { enum: Object.keys(problems) },
    success: { const: false },
    message: { type: 'string' },
    hint: { type: 'string', description: 'What a developer can do. Only outside production.' },
    errors: { type: 'array', items: { $ref: '#/components/schemas/FieldError' } },
    meta: { $ref: '#/components/schemas/Meta' },
  },
};
