/** The state that all routes share, and the two ways to respond: `send` and `refuse`. Made once by `buildServer`. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#kernel/problem.ts';
import { preferredForm } from '../admission/accept.ts';
import { chosenLanguage } from '../admission/chosen-language.ts';
import { type Cookies, cookiesFor, type OwnCookies } from '../admission/cookies.ts';
import { cookielessOrigin, corsHeaders, type Origins } from '../admission/cors.ts';
import { announcesBody } from '../admission/head.ts';
import { IssuedTickets } from '../admission/issued-tickets.ts';
import type { Caller } from '../endpoint.ts';
import { type Exchange, Exchanges, type RouteRecord } from './exchange.ts';
import { baseHeaders, dataHeaders, type HeaderPolicy, type Headers, pageHeaders } from './headers.ts';
import { problemContentType, problemDocument, problemHeaders } from './problem-response.ts';
import { defaultLimits, type Limits, type Reader, type ServerOptions } from './server-options.ts';

/** A longer list of languages does not count (`protocol/accept-language`): a choice before it must not make it longer. */
const maxAccepted = 400;

export class Responder {
  readonly options: ServerOptions;
  readonly limits: Limits;
  readonly cookies: Cookies;
  readonly publicOrigin: string;
  readonly origins: Origins;
  readonly headerPolicy: HeaderPolicy;
  readonly exchanges: Exchanges;
  readonly tickets = new IssuedTickets();
  /** While true each response closes its connection. */
  draining = false;
  readonly #problemHeaders: Headers;
  readonly #problemPageHeaders: Headers;

  constructor(options: ServerOptions) {
    this.options = options;
    this.limits = { ...defaultLimits, ...options.limits };
    this.cookies = cookiesFor(options.publicUrl, options.cookieDomain?.name);
    this.publicOrigin = options.publicUrl.origin;
    this.origins = {
      publicOrigin: this.publicOrigin,
      isListed: options.isListedOrigin,
      sharesCookies: options.cookieDomain?.includes ?? (() => false),
    };
    this.headerPolicy = {
      strictTransportSecurity: options.production && options.publicUrl.protocol === 'https:',
    };
    this.exchanges = new Exchanges(options);
    this.#problemHeaders = { ...dataHeaders(this.headerPolicy), 'content-type': problemContentType };
    this.#problemPageHeaders = { ...baseHeaders(this.headerPolicy), ...pageHeaders };
  }

  /** Our cookies of a request; throws `malformed_request` when one of them is repeated. */
  cookiesOf(request: FastifyRequest): OwnCookies {
    return this.cookies.read(request.headers.cookie);
  }

  /** The languages of a page's reader; a choice in the address or the cookie comes first. */
  readerOf(request: FastifyRequest, cookies: OwnCookies): Reader & { readonly isNewChoice: boolean } {
    const accepted = request.headers['accept-language'];
    const choice = chosenLanguage(request, cookies.language, this.options.pages.knownLanguage);
    if (choice === undefined) return { acceptLanguage: accepted, isNewChoice: false };
    const { language, isNew } = choice;
    const all = accepted === undefined || accepted.length > maxAccepted ? language : `${language},${accepted}`;
    return { acceptLanguage: all, chosenLanguage: language, isNewChoice: isNew };
  }

  callerOf(request: FastifyRequest, cookies: OwnCookies): Caller {
    const { headers } = request;
    return {
      address: this.options.resolveClientAddress({
        socketAddress: request.socket.remoteAddress ?? '',
        forwardedFor: headers['x-forwarded-for'] as string | undefined,
      }),
      userAgent: headers['user-agent'],
      acceptLanguage: headers['accept-language'],
      requestId: request.id,
      deviceCookie: cookies.device,
      foreignOrigin: headers.origin === undefined ? undefined : cookielessOrigin(headers, this.origins),
      loginCookie: cookies.login,
      isOwnPage: headers['sec-fetch-site'] === 'same-origin' || headers.origin === this.publicOrigin,
    };
  }

  /**
   * Sends a response with the headers that all have. An object is serialized by the route's response schema; undefined is a
   * response without a body and its headers, as 304 is.
   */
  send(
    request: FastifyRequest,
    reply: FastifyReply,
    status: number,
    headers: Headers,
    body: object | string | undefined,
  ): void {
    const { route, limitHeaders } = this.exchanges.of(request);
    reply.code(status).headers(headers).header('x-request-id', request.id);
    for (let index = 0; index < limitHeaders.length; index += 2) {
      reply.header(limitHeaders[index] as string, limitHeaders[index + 1]);
    }
    if (
      request.headers.origin !== undefined &&
      (route.kind === 'api' || route.kind === 'unmatched') &&
      status !== 204
    ) {
      reply.headers(corsHeaders(request.headers, this.origins));
    }
    if (this.draining) reply.header('connection', 'close');
    reply.send(body);
  }

  /** Responds with the problem of what was thrown. Anything unexpected is a bug: 500, its detail in the log only. */
  refuse(request: FastifyRequest, reply: FastifyReply, thrown: unknown, extraHeaders: Headers = {}): void {
    const problem = this.problemOf(thrown);
    const exchange = this.note(request, problem);
    const { publicOrigin, options } = this;
    const { clock, production } = options;
    const document = problemDocument(problem, { publicOrigin, requestId: request.id, now: clock.now(), production });
    const isPage = this.isPage(request, exchange.route.kind);
    const body = isPage
      ? options.pages.problem(document, this.#readerOfProblem(request, exchange), problem.retryAfterSeconds).toString()
      : JSON.stringify(document);
    const headers = {
      ...(isPage ? this.#problemPageHeaders : this.#problemHeaders),
      ...problemHeaders(problem),
      ...extraHeaders,
      // The rest of a body that nothing reads would be taken for the next request.
      ...(!request.raw.complete && announcesBody(request.headers) && { connection: 'close' }),
    };
    this.send(request, reply, problem.status, headers, body);
  }

  /** Puts a problem into the line of the log. */
  note(request: FastifyRequest, problem: Problem): Exchange {
    const exchange = this.exchanges.of(request);
    exchange.problem = problem.code;
    exchange.detail = problem.log;
    exchange.error = problem.status >= 500 ? (problem.cause ?? undefined) : undefined;
    return exchange;
  }

  /** People get a page, also where there is nothing; a program that asks for JSON gets it from pages too. */
  isPage(request: FastifyRequest, kind: RouteRecord['kind']): boolean {
    const form = preferredForm(request.headers.accept);
    if (kind === 'page') return form !== 'data';
    return form === 'page' && kind === 'unmatched' && !request.url.startsWith('/api/');
  }

  /** The request may be refused because its cookies cannot be read. */
  #readerOfProblem(request: FastifyRequest, { ownQuery }: Exchange): Reader {
    try {
      return { ...this.readerOf(request, this.cookiesOf(request)), ownQuery };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return { ...this.readerOf(request, {}), ownQuery };
    }
  }

  problemOf(thrown: unknown): Problem {
    if (thrown instanceof Problem) return thrown;
    return engineProblem(thrown) ?? this.options.toProblem?.(thrown) ?? new Problem('internal', { cause: thrown });
  }
}

/** The problem of an error that fastify throws by itself, by its stable code. */
function engineProblem(thrown: unknown): Problem | undefined {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  switch (code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Problem('unsupported_media_type');
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem('body_too_large');
    case 'FST_ERR_BAD_URL':
      return new Problem('malformed_request', { log: 'the path has an invalid escape' });
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new Problem('not_found');
    default:
      return undefined;
  }
}
