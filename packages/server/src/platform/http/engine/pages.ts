/** Pages: a form that is not the browser's own is shown again, afresh, and does nothing. */
import { assert } from '#kernel/assert.ts';
import { hasForm, withFormToken } from '#platform/html/index.ts';
import { noUse } from '#platform/rate-limit/index.ts';
import { withCookies } from '../admission/cookies.ts';
import { formCookie, formTokenFor } from '../admission/form-tokens.ts';
import { formReader, queryReader, sameQueryReader } from '../admission/input.ts';
import { countedHandler, counterOf } from '../admission/limits.ts';
import type { Caller, PageEndpoint, PageResponse } from '../endpoint.ts';
import type { IncomingRequest, Reply } from './exchange.ts';
import { type HeaderList, headerList, headersFor } from './headers.ts';
import type { Responder } from './responder.ts';

type Respond = (request: IncomingRequest, reply: Reply) => Promise<void>;

/** Answers what a page is asked, by its own handler. */
type Ask = (
  request: IncomingRequest,
  caller: Caller,
  given: { readonly query: unknown; readonly body: unknown },
) => Promise<PageResponse>;

/** The responder of a page. */
export function pageResponder(transport: Responder, endpoint: PageEndpoint): Respond {
  return endpoint.method === 'GET' ? shownBy(transport, endpoint) : sentTo(transport, endpoint);
}

function shownBy(transport: Responder, endpoint: PageEndpoint): Respond {
  const send = senderOf(transport, endpoint);
  const count = counterOf(transport, endpoint);
  const ask = askerOf(transport, endpoint);
  const readQuery = queryReader(endpoint.request.query, 'page');
  return async (request, reply) => {
    const caller = transport.callerOf(request, transport.cookiesOf(request));
    count(request, caller, undefined);
    send(request, reply, await ask(request, caller, { query: readQuery(request), body: undefined }));
  };
}

function sentTo(transport: Responder, endpoint: PageEndpoint): Respond {
  const send = senderOf(transport, endpoint);
  const count = counterOf(transport, endpoint);
  const ask = askerOf(transport, endpoint);
  const readForm = formReader(endpoint, transport);
  const showAgain = showerOf(transport, endpoint);
  return async (request, reply) => {
    const cookies = transport.cookiesOf(request);
    const caller = transport.callerOf(request, cookies);
    count(request, caller, undefined);
    const form = readForm(request, cookies.form);
    if (form.kind === 'foreign') await showAgain(request, reply, caller, form.fields);
    else send(request, reply, await ask(request, caller, { query: undefined, body: form.body }));
  };
}

/**
 * The page that a form stands on, with a new one: for whoever kept a tab open for longer than the browser kept the
 * cookie. It is counted as if it had been asked for, and what was typed is not shown again: it may be a stranger's.
 */
function showerOf(transport: Responder, { path }: PageEndpoint) {
  const page = transport.options.endpoints.find(
    (other): other is PageEndpoint => other.kind === 'page' && other.method === 'GET' && other.path === path,
  );
  assert(page !== undefined, `the form of ${path} is shown there`);
  const send = senderOf(transport, page);
  const count = counterOf(transport, page);
  const ask = askerOf(transport, page);
  const readQuery = sameQueryReader(page.request.query);
  return async (request: IncomingRequest, reply: Reply, caller: Caller, fields: Readonly<Record<string, string>>) => {
    count(request, caller, undefined);
    const answer = await ask(request, caller, { query: readQuery(fields), body: undefined });
    const isAgain = answer.kind === 'html' && hasForm(answer.html);
    send(request, reply, isAgain ? { ...answer, status: 403 } : answer, isAgain);
  };
}

function askerOf(transport: Responder, endpoint: PageEndpoint): Ask {
  const handle = countedHandler(transport, endpoint, endpoint.handler);
  return async (request, caller, { query, body }) =>
    await handle(request, {
      body: body as never,
      query: query as never,
      params: undefined,
      principal: undefined,
      caller,
      use: noUse,
    });
}

function senderOf(transport: Responder, endpoint: PageEndpoint) {
  const headers = headerList(headersFor(endpoint, transport.headerPolicy));
  return (request: IncomingRequest, reply: Reply, answer: PageResponse, isAgain = false): void => {
    if (answer.kind === 'html') sendHtml(transport, headers, request, reply, answer, isAgain);
    else transport.answer(request, reply, 303, [...headers, 'location', locationOf(answer)], '');
  };
}

function locationOf(answer: Exclude<PageResponse, { readonly kind: 'html' }>): string {
  if (answer.kind === 'leave') return answer.to.href;
  assert(/^\/(?![/\\])[\x21-\x7e]*$/.test(answer.location), 'a redirect leads to a path of ours');
  return answer.location;
}

function sendHtml(
  transport: Responder,
  headers: HeaderList,
  request: IncomingRequest,
  reply: Reply,
  answer: Extract<PageResponse, { readonly kind: 'html' }>,
  isAgain: boolean,
): void {
  const { status, html, cookies } = answer;
  const all = withCookies(transport.cookies, headers, cookies === undefined ? {} : { cookies });
  if (!hasForm(html)) {
    transport.answer(request, reply, status, all, html.toString());
    return;
  }
  const { value, isNew } = formCookie(transport.cookiesOf(request).form);
  const cookie = isNew ? ['set-cookie', transport.cookies.writeForm(value)] : [];
  const notice = isAgain ? transport.options.formNotice(request.raw.headers['accept-language']) : undefined;
  const body = withFormToken(html, formTokenFor(value), notice);
  transport.answer(request, reply, status, [...all, ...cookie], body);
}
