/**
 * An endpoint is data: the router, OpenAPI, the endpoint table of the reference and the tests of the whole surface read one
 * list. A handler gets plain values and returns plain values; it never sees the framework.
 */

import type { z } from 'zod';
import type { Problem, ProblemCode } from '#kernel/problem.ts';
import type { Requester } from '#kernel/requester.ts';
import type { Html } from '#platform/html/index.ts';
import type { QuotaReservation } from '#platform/rate-limit/index.ts';

/** The user and the session that a credential proves. */
export interface Principal {
  readonly userId: string;
  /** The `sub` claim; an import keeps it. */
  readonly subject: string;
  /** As the session's user is now: a change drops what is cached, on every node within a second. */
  readonly email: string | null;
  readonly name: string;
  readonly roles: readonly string[];
  readonly sessionId: string;
  readonly clientId: string;
  readonly authEpoch: number;
  /** Writes by cookie need proof that they come from this site. */
  readonly transport: 'cookie' | 'token';
  readonly acr: string;
  readonly amr: readonly string[];
  readonly authTime: Date;
  /** The expiry of the access token or the session, whichever was presented. */
  readonly expiresAt: Date;
  /** The absolute end of the session; nothing that is issued to it lives longer (invariant 20). */
  readonly sessionExpiresAt: Date;
  /** The times in ISO 8601, formatted once for all requests of a cached session. */
  readonly iso: { readonly authTime: string; readonly expiresAt: string };
}

/** The requester, with what only endpoints need: language and our own cookies. */
export interface Caller extends Requester {
  /** On pages, with the language that the reader chose before those of the browser. */
  readonly acceptLanguage: string | undefined;
  /** The language that the reader chose in the address or earlier; pages only. */
  readonly chosenLanguage?: string | undefined;
  /** The query of the page that is shown, so that a link can lead to it in another language; pages only. */
  readonly ownQuery?: Readonly<Record<string, string>>;
  /** The known-device cookie. A request with two cookies of one name never reaches a handler. */
  readonly deviceCookie: string | undefined;
  /** The origin of the calling page, when a client lists it and it is not ours. */
  readonly foreignOrigin?: string | undefined;
  /** The cookie that binds a login by mail to the browser that requested it. */
  readonly loginCookie?: string | undefined;
  /** Whether a browser sends the request from one of our own pages, so that cookies are kept. */
  readonly isOwnPage?: boolean;
  /** The ticket of a login in progress. Only pages that declare `opensByTicket` get it. */
  readonly ticketCookie?: string | undefined;
  /** The hash of the form cookie, which identifies this browser to pages; undefined before it was shown a form. */
  readonly browserHash?: Buffer | undefined;
}

/**
 * The credentials that an endpoint accepts; `public` needs none.
 * `admission/authorization.ts` lists those that the engine can prove today.
 */
export type PrincipalKind = 'public' | 'ticket' | 'session' | 'api_key';

/** `resource.action`, granted by roles. */
export type Permission = `${string}.${string}`;

/** How recently a session must have authenticated. */
export interface StepUpRequirement {
  readonly withinSeconds: number;
  /**
   * The body may have the current password instead. Then the handler makes the check, because the engine compares no
   * passwords (`requireRecentProof` of `domain/authentication`).
   */
  readonly orPassword?: true;
}

/** The authorization that an endpoint requires, in the order in which it is checked. */
export interface Auth<K extends PrincipalKind = PrincipalKind> {
  /** The request must present one of these. */
  readonly principals: readonly K[];
  readonly permission?: Permission;
  /** The session must have authenticated this recently (RFC 9470). */
  readonly stepUp?: StepUpRequirement;
}

/** The classes of docs/security/limits.md; every endpoint has one. `none` is for probes and documents that cost nothing. */
export type RateLimitClass =
  | 'public'
  | 'pages'
  | 'credential'
  | 'mail'
  | 'authenticated'
  | 'machine'
  | 'admin'
  | 'none';

/**
 * The cookies that handlers set; `login` binds a login by mail to the browser that requested it, and `ticket` is the ticket
 * of a login in progress, for pages of its steps alone; `language` is the reader's choice for pages.
 */
export type CookieKind = 'session' | 'device' | 'login' | 'ticket' | 'language';

/** A cookie to set; name and flags follow the public URL's scheme. `expire` deletes it. */
export interface CookieChange {
  readonly cookie: CookieKind;
  readonly change: { readonly value: string; readonly expiresAt: Date } | 'expire';
}

type Schema = z.ZodType;
type Parsed<S> = S extends Schema ? z.output<S> : undefined;

export interface HandlerInput<B, Q, P, K extends PrincipalKind> {
  readonly body: Parsed<B>;
  readonly query: Parsed<Q>;
  readonly params: Parsed<P>;
  /** Present when every accepted credential is a session; with `public` too, when the request has a valid one. */
  readonly principal: [K] extends ['session'] ? Principal : 'session' extends K ? Principal | undefined : undefined;
  readonly caller: Caller;
  /** The reservation of the quotas that all nodes share; see `countsUse`. */
  readonly use: QuotaReservation;
}

/** The result of an API handler; the engine adds the rest of the envelope. */
export interface ApiResponse<D> {
  readonly data: D;
  readonly message?: string;
  readonly pagination?: { readonly limit: number; readonly nextCursor: string | null; readonly total: number };
  readonly cookies?: readonly CookieChange[];
}

/**
 * The result of a page's handler. A redirect is 303 to a path of ours: a form leads to another origin by a page alone
 * (invariant 24).
 */
export type PageResponse =
  | {
      readonly kind: 'html';
      readonly status: number;
      readonly html: Html;
      readonly cookies?: readonly CookieChange[];
      /** Becomes `Retry-After`. */
      readonly retryAfterSeconds?: number | undefined;
    }
  | { readonly kind: 'redirect'; readonly location: `/${string}`; readonly cookies?: readonly CookieChange[] };

/** 303 to an address of the configuration, never to one from a request. Only a GET responds so. */
export interface Leave {
  readonly kind: 'leave';
  readonly to: URL;
}

/**
 * For the class `credential`: the identifier that a guess concerns, in canonical form. Without it the quota is the
 * principal's, or else only that of the caller's address.
 */
type LimitedBy<B> = (body: Parsed<B>) => string | undefined;

interface Common {
  /** `noun.verb`, unique: the operationId of OpenAPI. */
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Parameters are `{name}`, as in OpenAPI. */
  readonly path: `/${string}`;
  readonly summary: string;
  readonly description?: string;
  readonly rateLimit: RateLimitClass;
  /** A GET that changes state, for clients that can only follow links. HEAD, which must not (RFC 9110 §9.2.1), gets 405. */
  readonly changesByGet?: true;
  /** For this machine only (`/dev/*`): 404 for other machines and host names, 403 for pages of other origins. */
  readonly loopbackOnly?: true;
  /** Applications call it for each of their own requests: it is shed last (`admission/load-shedding.ts`). */
  readonly isSessionCheck?: true;
  /** The problems of its handler, beyond those that follow from the declaration. */
  readonly problems: readonly ProblemCode[];
}

/** Takes JSON and returns the envelope. */
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
  /** With `list`, `data` is the schema of the whole array, and the envelope has `pagination`. */
  readonly response: {
    readonly status: 200 | 201 | 202;
    readonly message: string;
    readonly data: D;
    /** An example of `data` for the reference. */
    readonly example: z.output<D>;
    readonly list?: true;
  };
  readonly limitedBy?: LimitedBy<B>;
  /**
   * The handler counts: in a statement of its own where the database counts, or in the process with `use.report`. Otherwise
   * the engine counts before the handler. A function tells it of the request's body.
   */
  readonly countsUse?: true | ((body: Parsed<B>) => boolean);
  readonly handler: (input: HandlerInput<B, Q, P, K>) => ApiResponse<z.output<D>> | Promise<ApiResponse<z.output<D>>>;
}

/** A form that was not taken for now: a quota is exhausted, or a dependency does not respond. */
export interface RefusedForm<B, P, K extends PrincipalKind>
  extends Pick<HandlerInput<B, undefined, P, K>, 'body' | 'params' | 'principal' | 'caller'> {
  /** `too_many_requests`, `busy` or `unavailable`. */
  readonly problem: Problem;
}

/**
 * Takes a form or a query and returns HTML that is complete without JavaScript. `postForm` renders a form, and the page
 * that shows it has the path that it is sent to.
 * A page that needs a session accepts the cookie only. Without one, or with one that is too old for `stepUp`, the response
 * leads to the page that proves it, and back to the GET of this path afterwards.
 */
export interface PageEndpoint<
  B extends Schema | undefined = Schema | undefined,
  Q extends Schema | undefined = Schema | undefined,
  K extends PrincipalKind = PrincipalKind,
  P extends Schema | undefined = Schema | undefined,
> extends Common {
  readonly kind: 'page';
  /** Pages are counted as `pages` instead of `public`. */
  readonly rateLimit: Exclude<RateLimitClass, 'public'>;
  readonly auth: Auth<K>;
  readonly request: { readonly form?: B; readonly query?: Q; readonly params?: P };
  /**
   * A form that pages of other sites send by design (OAuth 2.0 Form Post Response Mode). It has no token, its unknown fields are
   * ignored, and its handler must change nothing: browsers send no cookie of ours with it.
   */
  readonly foreignForm?: true;
  /** The page loads scripts of ours, which may send requests to us. Any other page runs none. */
  readonly callsApi?: true;
  /** The page shows documents of `isMail` in a frame. */
  readonly framesMail?: true;
  /** The page is the same for everyone and has no form, so it is compressed. */
  readonly isStatic?: true;
  readonly limitedBy?: LimitedBy<B>;
  /** The class of a form with several acts, where one of them counts as another class than the declared one. */
  readonly limitedAs?: (body: Parsed<B>) => 'credential' | 'mail';
  /** The handler counts, as with an API endpoint. */
  readonly countsUse?: true;
  /** A page of a login in progress: its handler gets the ticket cookie. */
  readonly opensByTicket?: true;
  /** The path of the page that has this form, when it is not the form's own. A stale form gets that page again. */
  readonly shownAt?: `/${string}`;
  /**
   * The form again, with what was typed except passwords and codes, when a quota or a dependency refuses it. The engine sets the
   * status and `Retry-After`. Undefined, or any response but 200, means that there is no such form; the problem then has a page of
   * its own.
   */
  readonly refused?: (form: RefusedForm<B, P, K>) => PageResponse | undefined | Promise<PageResponse | undefined>;
  readonly handler: (input: HandlerInput<B, Q, P, K>) => Promise<PageResponse | Leave>;
}

/** A page as it is declared: the type of a form's response has no way to another origin. */
type PageDeclaration<
  B extends Schema | undefined,
  Q extends Schema | undefined,
  K extends PrincipalKind,
  P extends Schema | undefined,
> = Omit<PageEndpoint<B, Q, K, P>, 'kind' | 'method' | 'handler' | 'refused'> &
  (
    | {
        readonly method: 'GET';
        readonly handler: (input: HandlerInput<undefined, Q, P, K>) => Promise<PageResponse | Leave>;
      }
    | {
        readonly method: 'POST';
        readonly handler: (input: HandlerInput<B, Q, P, K>) => Promise<PageResponse>;
        readonly refused: NonNullable<PageEndpoint<B, Q, K, P>['refused']>;
      }
  );

/** A document as specifications define it (JWKS, OpenAPI, probes, metrics): no envelope. */
export interface DocumentEndpoint extends Common {
  readonly kind: 'document';
  readonly auth: Auth<'public'>;
  readonly contentType: string;
  /** Whether scripts of all origins may read it, without credentials. */
  readonly openToCors: boolean;
  readonly cacheSeconds: number;
  /** The HTML of a mail: its inline styles apply, and it loads and runs nothing. */
  readonly isMail?: true;
  /** The status, beside 200, of a document that reports a failure, and its description. */
  readonly bad?: { readonly status: number; readonly when: string };
  readonly handler: (
    query: Readonly<Record<string, string>>,
    params: Readonly<Record<string, string>>,
  ) => DocumentResponse | Promise<DocumentResponse>;
}

export interface DocumentResponse {
  readonly status: number;
  readonly body: string | Uint8Array;
  /** For one of several files of a path. */
  readonly file?: ServedFile;
}

export interface ServedFile {
  readonly contentType: string;
  /** Its name changes with its content, so caches may keep it for a year. */
  readonly isPermanent: boolean;
  /** The same content, compressed. */
  readonly encoded?: { readonly br: Uint8Array; readonly gzip: Uint8Array } | undefined;
  /** An image of the operator's. Opened as a page, an SVG runs and loads nothing. */
  readonly isImage?: true;
}

export type Endpoint = ApiEndpoint | PageEndpoint | DocumentEndpoint;

export function apiEndpoint<
  D extends Schema,
  K extends PrincipalKind,
  B extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
  P extends Schema | undefined = undefined,
>(declaration: Omit<ApiEndpoint<B, Q, P, D, K>, 'kind'>): Endpoint {
  return { kind: 'api', ...declaration } as unknown as Endpoint;
}

export function pageEndpoint<
  K extends PrincipalKind,
  B extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
  P extends Schema | undefined = undefined,
>(declaration: PageDeclaration<B, Q, K, P>): Endpoint {
  return { kind: 'page', ...declaration } as unknown as Endpoint;
}

export function documentEndpoint(declaration: Omit<DocumentEndpoint, 'kind' | 'auth'>): Endpoint {
  return { kind: 'document', auth: { principals: ['public'] }, ...declaration };
}
