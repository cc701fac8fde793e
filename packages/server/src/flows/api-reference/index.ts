/**
 * The API's reference. Owns `/openapi.json`, `/docs` and `/docs/problems`.
 * Served by the process itself: no third-party host, no script, no inline style. Each document is written once, at its
 * first request.
 */

import { type ProblemCode, problems } from '#kernel/problem.ts';
import { widePage } from '#pages/page.ts';
import { type Html, html } from '#platform/html/index.ts';
import {
  type ApiEndpoint,
  documentEndpoint,
  type Endpoint,
  openApiDocument,
  type PrincipalKind,
  pageEndpoint,
  problemPagePath,
  problemsOf,
} from '#platform/http/index.ts';
import { type Catalogues, type PageWords, pageWords } from '#platform/i18n/index.ts';

/** The reference describes `endpoints` and itself. */
export function apiReferenceEndpoints(
  endpoints: readonly Endpoint[],
  options: {
    readonly publicUrl: URL;
    readonly cookieDomain?: string | undefined;
    readonly version: string;
    readonly catalogues: Catalogues;
  },
): readonly Endpoint[] {
  const own: Endpoint[] = [];
  const all = (): readonly Endpoint[] => [...endpoints, ...own];
  // These pages are in English only.
  const words = () => pageWords(options.catalogues, 'en');
  const openApi = once(() => JSON.stringify(openApiDocument(all(), options)));
  const reference = once(() => referencePage(words(), all(), options.publicUrl));
  const problemReference = once(() => problemReferencePage(words()));
  own.push(
    documentEndpoint({
      id: 'docs.openapi',
      method: 'GET',
      path: '/openapi.json',
      summary: 'This API as OpenAPI 3.1',
      rateLimit: 'none',
      problems: [],
      contentType: 'application/json; charset=utf-8',
      openToCors: true,
      cacheSeconds: 300,
      handler: async () => ({ status: 200, body: openApi() }),
    }),
    pageEndpoint({
      id: 'docs.reference',
      method: 'GET',
      path: '/docs',
      summary: 'The API to browse',
      auth: { principals: ['public'] },
      isStatic: true,
      rateLimit: 'none',
      problems: [],
      request: {},
      handler: async () => ({ kind: 'html', status: 200, html: reference() }),
    }),
    pageEndpoint({
      id: 'docs.problems',
      method: 'GET',
      path: problemPagePath,
      summary: 'Every problem, explained',
      auth: { principals: ['public'] },
      isStatic: true,
      rateLimit: 'none',
      problems: [],
      request: {},
      handler: async () => ({ kind: 'html', status: 200, html: problemReference() }),
    }),
  );
  return own;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function referencePage(words: PageWords, endpoints: readonly Endpoint[], publicUrl: URL): Html {
  const described = endpoints.filter((endpoint) => endpoint.kind === 'api');
  const byTag = Map.groupBy(described, (endpoint) => endpoint.tag);
  const others = endpoints.filter((endpoint) => endpoint.kind !== 'api');
  const document = openApiDocument(endpoints, { publicUrl, version: '' }) as unknown as Described;
  return widePage({
    words,
    title: 'API reference',
    body: html`<p>Base URL: <code>${publicUrl.origin}</code>. Paths below <code>/api/v1</code> also work below
<code>/api</code>. As OpenAPI: <a href="/openapi.json">openapi.json</a>. Errors:
<a href="${problemPagePath}">problems</a>.</p>
<nav aria-label="Operations">${[...byTag].map(([tag, those]) => contents(tag, those))}</nav>
${[...byTag].map(([tag, those]) => html`<h2>${tag}</h2>${those.map((endpoint) => operation(endpoint, document))}`)}
<h2>Documents and pages</h2>
<table><thead><tr><th scope="col">Method</th><th scope="col">Path</th><th scope="col">Summary</th></tr></thead>
<tbody>${others.map(
      ({ method, path, summary }) => html`<tr><td>${method}</td><td><code>${path}</code></td><td>${summary}</td></tr>`,
    )}</tbody></table>`,
  });
}

function contents(tag: string, endpoints: readonly ApiEndpoint[]): Html {
  const items = endpoints.map(
    ({ id, method, path }) =>
      html`<li><a href="#${id}"><span class="method">${method}</span> <code>${path}</code></a></li>`,
  );
  return html`<h2>${tag}</h2><ul>${items}</ul>`;
}

/** The part of the OpenAPI document that the page shows. */
interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly parameters?: readonly unknown[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: unknown }>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema?: unknown }>> }>>;
}

function operation(endpoint: ApiEndpoint, document: Described): Html {
  const described = document.paths[endpoint.path]?.[endpoint.method.toLowerCase()];
  const response = described?.responses[String(endpoint.response.status)]?.content?.['application/json']?.schema;
  const codes = problemsOf(endpoint).map(
    (code) => html`<li><a href="${problemPagePath}#${code}"><code>${code}</code></a> (${problems[code].status})</li>`,
  );
  return html`<section id="${endpoint.id}">
<h3><span class="method">${endpoint.method}</span> <code>${endpoint.path}</code></h3>
<p>${endpoint.summary}</p>
${endpoint.description !== undefined && html`<p>${endpoint.description}</p>`}
<p class="soft">${principalsText(endpoint)}
Rate limit: ${endpoint.rateLimit}.</p>
${schemaBlock('Parameters', described?.parameters)}
${schemaBlock('Body', described?.requestBody?.content['application/json']?.schema)}
${schemaBlock(`Response ${endpoint.response.status}`, response)}
<details><summary>Problems</summary><ul>${codes}</ul></details>
</section>`;
}

function principalsText({ auth }: ApiEndpoint): string {
  if (auth.principals.includes('public')) return 'Needs no credentials.';
  return `Needs a credential: ${auth.principals.map((kind) => credentialTexts[kind]).join(', or ')}.`;
}

const credentialTexts: Readonly<Record<PrincipalKind, string>> = {
  public: 'none',
  ticket: 'the ticket of a login in progress',
  session: 'a session (bearer token or cookie)',
  api_key: 'an API key',
};

function schemaBlock(title: string, schema: unknown): Html | undefined {
  if (schema === undefined) return undefined;
  return html`<details><summary>${title}</summary><pre>${JSON.stringify(schema, null, 2)}</pre></details>`;
}

function problemReferencePage(words: PageWords): Html {
  const codes = Object.keys(problems) as ProblemCode[];
  return widePage({
    words,
    title: 'Problems',
    body: html`<p>An error is sent as <code>application/problem+json</code> (RFC 9457). Decide by <code>code</code>: codes are
never renamed, texts may change. Back to the <a href="/docs">API reference</a>.</p>
${codes.map((code) => {
  const { status, title, detail } = problems[code];
  return html`<section id="${code}"><h2><code>${code}</code></h2>
<p><strong>${status} ${title}.</strong> ${detail}</p></section>`;
})}`,
  });
}
