/**
 * An endpoint is data (ARCHITECTURE.md): the router, OpenAPI, the endpoint table in the docs and the whole-surface tests read
 * one list of these. A handler gets plain values and returns plain values; it never sees the framework.
 */

import type { z } from 'zod';
import type { ProblemCode } from '#kernel/problem.ts';
import type { Requester } from '#kernel/requester.ts';
import type { Html } from '#platform/html/index.ts';
import type { QuotaReservation } from '#platform/rate-limit/index.ts';

/** Who is calling, as the gate proved it. */
export interface Principal {
  readonly userId: string;
  /** The user's `sub`, which imports keep. */
  readonly subject: string;
  readonly sessionId: string;
  readonly clientId: string;
  readonly authEpoch: number;
  /** How the session was presented; writes by cookie need proof that they come from this site. */
  readonly transport: 'cookie' | 'token';
  readonly acr: string;
  readonly amr: readonly string[];
  readonly authTime: Date;
  /** When what was presented ends if nothing ends it before: the access token's or the session's expiry. */
  readonly expiresAt: Date;
}

/** The requester with what only endpoints need: language and our own cookies. */
export interface Caller extends Requester {
  readonly acceptLanguage: string | undefined;
  /** The value of the known-device cookie. Two cookies of one name make a request invalid before a handler sees it. */
  readonly deviceCookie: string | undefined;
  /** The origin of the page that asks, when it is an application's (`origins` of the client) and none of ours. */
  readonly foreignOrigin?: string | undefined;
  /** The same of the cookie of a browser that asked to log in by mail; absent when there is none. */
  readonly loginCookie?: string | undefined;
}

/**
 * The credentials that an endpoint accepts; `public` needs none.
 * `admission/authorization.ts` lists those that the engine can prove today.
 */
export type PrincipalKind = 'public' | 'ticket' | 'session' | 'api_key';

/** `resource.action`, granted by roles. */
export type Permission = `${string}.${string}`;

/** The authorization that an endpoint requires, in the order in which it is checked. */
export interface Auth<K extends PrincipalKind = PrincipalKind> {
  /** The request must present one of these. */
  readonly principals: readonly K[];
  readonly permission?: Permission;
  /** The session must have authenticated this recently (RFC 9470). */
  readonly stepUp?: { readonly withinSeconds: number };
}

/** The classes of docs/security/limits.md; every endpoint has one. `none` is for probes and documents that cost nothing. */
export type RateLimitClass = 'public' | 'credential' | 'mail' | 'authenticated' | 'machine' | 'admin' | 'none';

/** The cookies that we set; `login` is the browser's that asked to log in by mail. */
export type CookieKind = 'session' | 'device' | 'login';

/** A cookie to set; name and flags follow the public URL's scheme. `expire` deletes it. */
export interface CookieChange {
  readonly cookie: CookieKind;
  readonly change: { readonly value: string; readonly expiresAt: Date } | 'expire';
}

type Schema = z.ZodType;
type Parsed<S> = S extends Schema ? z.output<S> : undefined;

/** What a handler gets. */
export interface HandlerInput<B, Q, P, K extends PrincipalKind> {
  readonly body: Parsed<B>;
  readonly query: Parsed<Q>;
  readonly params: Parsed<P>;
  /** Present when every accepted credential is a session. */
  readonly principal: [K] extends ['session'] ? Principal : undefined;
  readonly caller: Caller;
  /** What this request uses of the limits that all nodes share; see `countsUse`. */
  readonly use: QuotaReservation;
}

/** What a handler of the API returns; everything else of the envelope is made around it. */
export interface ApiResponse<D> {
  readonly data: D;
  readonly message?: string;
  readonly pagination?: { readonly limit: number; readonly nextCursor: string | null; readonly total: number };
  readonly cookies?: readonly CookieChange[];
  /** Sends `Clear-Site-Data: "storage"` (at logout). */
  readonly clearSiteData?: true;
}

/**
 * What a page's handler returns. A redirect is always 303 to a path of ours; `leave` is one to an address that the
 * operator configured, and never to one that a request names.
 */
export type PageResponse =
  | { readonly kind: 'html'; readonly status: number; readonly html: Html; readonly cookies?: readonly CookieChange[] }
  | { readonly kind: 'redirect'; readonly location: `/${string}` }
  | { readonly kind: 'leave'; readonly to: URL };

/**
 * In the classes `credential` and `mail`: whom a guess or a mail concerns, in canonical form. Without it that is the
 * user who is logged in, or else nobody in particular, and only the caller's address is counted.
 */
type LimitedBy<B> = (body: Parsed<B>) => string | undefined;

/**
 * A quota of its own beside the others of its class, for the same recipient: nobody can use up somebody's registration or
 * recovery by asking for other mails, most of which a stranger can ask for without any coming of it.
 */
type CountedApart = 'registration' | 'recovery';

interface Common {
  /** `noun.verb`, unique; OpenAPI's operationId. */
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `{name}` for parameters, as OpenAPI writes it. */
  readonly path: `/${string}`;
  readonly summary: string;
  readonly description?: string;
  readonly rateLimit: RateLimitClass;
  /** A GET that changes something, for clients that can only follow a link: HEAD, which must not (RFC 9110 §9.2.1), is refused. */
  readonly changesByGet?: true;
  /** There is nothing at this address for anybody who is not on this machine (`/dev/*`). */
  readonly loopbackOnly?: true;
  /** The problems that its handler may answer, beyond those that follow from its declaration. */
  readonly problems: readonly ProblemCode[];
}

/** JSON in, the envelope out. */
export interface ApiEndpoint<
  B extends Schema | undefined = Schema | undefined,
  Q extends Schema | undefined = Schema | undefined,
  P extends Schema | undefined = Schema | undefined,
  D extends Schema = Schema,
  K extends PrincipalKind = PrincipalKind,
> extends Common {
  readonly kind: 'api';
  readonly tag: string;
  readonly auth: Auth<K>;
  readonly request: { readonly body?: B; readonly query?: Q; readonly params?: P };
  /** With `list`, `data` is the schema of the whole array and `pagination` stands beside it. */
  readonly response: {
    readonly status: 200 | 201 | 202;
    readonly message: string;
    readonly data: D;
    /** What `data` looks like, for readers of the reference. */
    readonly example: z.output<D>;
    readonly list?: true;
  };
  readonly limitedBy?: LimitedBy<B>;
  readonly countedApart?: CountedApart;
  /**
   * Its handler counts the use in a statement of its own, where the database counts, and demands it. Without it the gate
   * does both first.
   */
  readonly countsUse?: true;
  /** Nothing waits for an answer that is there at once. */
  readonly handler: (input: HandlerInput<B, Q, P, K>) => ApiResponse<z.output<D>> | Promise<ApiResponse<z.output<D>>>;
}

/**
 * Form or query in, HTML out; complete without JavaScript. A form is written by `postForm`, and the page that shows it has
 * the path that it is sent to.
 */
export interface PageEndpoint<
  B extends Schema | undefined = Schema | undefined,
  Q extends Schema | undefined = Schema | undefined,
  K extends PrincipalKind = PrincipalKind,
> extends Common {
  readonly kind: 'page';
  readonly auth: Auth<K>;
  readonly request: { readonly form?: B; readonly query?: Q };
  readonly limitedBy?: LimitedBy<B>;
  readonly countedApart?: CountedApart;
  readonly handler: (input: HandlerInput<B, Q, undefined, K>) => Promise<PageResponse>;
}

/** A document as specifications define it (JWKS, OpenAPI, probes, metrics): no envelope. */
export interface DocumentEndpoint extends Common {
  readonly kind: 'document';
  readonly auth: Auth<'public'>;
  readonly contentType: string;
  /** Whether scripts of other origins may read it, without credentials. */
  readonly openToCors: boolean;
  readonly cacheSeconds: number;
  /** The status beside 200, of the same content type, when the document reports that something is wrong; and when that is. */
  readonly bad?: { readonly status: number; readonly when: string };
  readonly handler: (query: Readonly<Record<string, string>>) => DocumentResponse | Promise<DocumentResponse>;
}

/** What a document's handler returns. A text is sent with the head in one piece, which bytes are not. */
export interface DocumentResponse {
  readonly status: number;
  readonly body: string | Uint8Array;
}

/** Any endpoint. */
export type Endpoint = ApiEndpoint | PageEndpoint | DocumentEndpoint;

/** Declares an endpoint of the API. */
export function apiEndpoint<
  D extends Schema,
  K extends PrincipalKind,
  B extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
  P extends Schema | undefined = undefined,
>(declaration: Omit<ApiEndpoint<B, Q, P, D, K>, 'kind'>): Endpoint {
  return { kind: 'api', ...declaration } as unknown as Endpoint;
}

/** Declares a page. */
export function pageEndpoint<
  K extends PrincipalKind,
  B extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
>(declaration: Omit<PageEndpoint<B, Q, K>, 'kind'>): Endpoint {
  return { kind: 'page', ...declaration } as unknown as Endpoint;
}

/** Declares a document. */
export function documentEndpoint(declaration: Omit<DocumentEndpoint, 'kind' | 'auth'>): Endpoint {
  return { kind: 'document', auth: { principals: ['public'] }, ...declaration };
}
