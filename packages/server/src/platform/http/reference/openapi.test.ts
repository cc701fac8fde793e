import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { apiReferenceEndpoints } from '#flows/api-reference/index.ts';
import { problems } from '#kernel/problem.ts';
import { readCatalogues } from '#platform/i18n/index.ts';
import { sampleEndpoints } from '#test/support/sample-http-server.ts';
import { endpointTable, openApiDocument, problemTable } from '../index.ts';

const publicUrl = new URL('http://localhost:5625');
const all = [
  ...sampleEndpoints,
  ...apiReferenceEndpoints(sampleEndpoints, { publicUrl, catalogues: readCatalogues(), version: '1.2.3' }),
];

interface Operation {
  readonly operationId: string;
  readonly security: readonly object[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly requestBody?: { readonly required: boolean };
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly content: Readonly<
          Record<
            string,
            {
              readonly schema: object;
              readonly example?: unknown;
              readonly examples?: Readonly<Record<string, { readonly $ref: string }>>;
            }
          >
        >;
      }
    >
  >;
}

const document = openApiDocument(all, { publicUrl, version: '1.2.3' }) as unknown as {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: object;
    readonly examples: Readonly<Record<string, { readonly value: unknown }>>;
  };
};

function operation(path: string, method: string): Operation {
  return document.paths[path]![method]!;
}

// References of the document resolve against the document itself, which is added whole.
const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema({ $id: 'openapi', components: document.components });
const compile = (schema: object) =>
  ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"openapi#/components')) as object);

describe('openApiDocument', () => {
  it('describes every endpoint that is no page, each under its id', () => {
    const ids = Object.values(document.paths).flatMap((path) => Object.values(path).map((each) => each.operationId));
    const expected = all.filter(({ kind }) => kind !== 'page').map(({ id }) => id);
    expect([document.openapi, ids.sort()]).toEqual(['3.1.1', expected.sort()]);
  });

  it('has the security, the body and the parameters of an operation', () => {
    expect(operation('/api/v1/me', 'get').security).toEqual([{ bearer: [] }, { cookie: [] }]);
    expect(operation('/api/v1/echo', 'post').requestBody?.required).toBe(true);
    expect(operation('/api/v1/things', 'get').parameters).toMatchObject([
      { name: 'sort', in: 'query', required: false },
    ]);
    expect(operation('/api/v1/things/{id}', 'delete').parameters).toMatchObject([
      { name: 'id', in: 'path', required: true },
    ]);
  });

  it('has schemas that are valid JSON Schema 2020-12', () => {
    const schemas = Object.values(document.paths)
      .flatMap((path) => Object.values(path))
      .flatMap(({ responses }) => Object.values(responses))
      .flatMap(({ content }) => Object.values(content ?? {}))
      .flatMap(({ schema }) => (schema === undefined ? [] : [schema]));
    expect(schemas.length).toBeGreaterThan(20);
    for (const schema of schemas) expect(compile(schema)).toBeTypeOf('function');
  });

  it('accepts the envelope and rejects an unknown field in it', () => {
    const validate = compile(operation('/api/v1/me', 'get').responses[200]!.content['application/json']!.schema);
    const meta = { timestamp: '2026-01-02T03:04:05.000Z', requestId: 'r' };
    const response = { success: true, message: 'You.', data: { user: 'u' }, meta };
    expect(validate(response)).toBe(true);
    expect(validate({ ...response, data: { user: 'u', secret: 's' } })).toBe(false);
  });

  it('has examples that its schemas accept, of each success of the API and of each problem', () => {
    const contents = Object.values(document.paths)
      .flatMap((path) => Object.values(path))
      .flatMap(({ responses }) => Object.values(responses))
      .flatMap(({ content }) => Object.values(content ?? {}));
    const successes = contents.filter(({ example }) => example !== undefined);
    expect(successes).toHaveLength(sampleEndpoints.filter(({ kind }) => kind === 'api').length);
    for (const { schema, example } of successes) expect(compile(schema)(example)).toBe(true);
    const referred = contents.flatMap(({ schema, examples = {} }) =>
      Object.keys(examples).map((code) => ({ schema, code })),
    );
    expect(referred.length).toBeGreaterThan(50);
    for (const { schema, code } of referred)
      expect(compile(schema)(document.components.examples[code]?.value)).toBe(true);
  });

  it('declares what follows from the declaration: 401, 403, 413, 415, 422, 429, 500, 503', () => {
    const statuses = Object.keys(operation('/api/v1/leave', 'post').responses);
    expect(statuses).toEqual(
      expect.arrayContaining(['200', '400', '401', '403', '413', '415', '422', '429', '500', '503']),
    );
    expect(Object.keys(operation('/livez', 'get').responses)).not.toContain('401');
  });
});

describe('the tables of the reference', () => {
  it('list every endpoint and every problem in a fixed order', () => {
    expect(endpointTable([...all].reverse())).toBe(endpointTable(all));
    for (const { path } of all) expect(endpointTable(all)).toContain(`\`${path}\``);
    for (const code of Object.keys(problems)) expect(problemTable()).toContain(`| \`${code}\` |`);
  });
});

describe('the documentation pages', () => {
  it('contain every operation and every problem, without an inline script, a style or another host', async () => {
    for (const endpoint of all) {
      if (endpoint.kind !== 'page' || !endpoint.path.startsWith('/docs')) continue;
      const response = await endpoint.handler({} as never);
      const markup = response.kind === 'html' ? response.html.toString() : '';
      expect(markup).not.toMatch(/<script(?! type="module" src="\/assets\/)|<style|style=|(?:src|href)="(?!\/|#)/);
      const names = endpoint.path === '/docs' ? ['test.echo', '/openapi.json'] : Object.keys(problems);
      for (const name of names) expect(markup).toContain(name);
    }
  });
});
