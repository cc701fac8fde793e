/** The dependencies of a server; the composition root builds them. */
import type { Clock } from '#kernel/clock.ts';
import type { Problem } from '#kernel/problem.ts';
import type { Html } from '#platform/html/index.ts';
import type { Logger, Metrics, Tracer } from '#platform/telemetry/index.ts';
import type { ParseJson } from '../admission/body.ts';
import type { KnownLanguage } from '../admission/chosen-language.ts';
import type { CredentialRefusal, Presented } from '../admission/credentials.ts';
import type { Limiter } from '../admission/limiter.ts';
import type { Caller, Endpoint, Principal } from '../endpoint.ts';
import type { Overload } from '../overload.ts';
import type { ProblemDocument } from './problem-response.ts';

/** The principal that a credential proves, or why it proves none. A principal that is in memory needs no promise. */
export type Authenticate = (
  presented: Presented,
  caller: Caller,
) => Principal | CredentialRefusal | Promise<Principal | CredentialRefusal>;

/** Bounds of one request. */
export interface Limits {
  readonly bodyBytes: number;
  /** All header fields together; Node reports more as an overflow, which becomes 431. */
  readonly headerBytes: number;
  readonly targetLength: number;
  /** From the first byte to the last one of the request. */
  readonly requestTimeoutMs: number;
  readonly keepAliveMs: number;
}

export const defaultLimits: Limits = {
  bodyBytes: 16 * 1024,
  headerBytes: 16 * 1024,
  targetLength: 4096,
  requestTimeoutMs: 15_000,
  keepAliveMs: 65_000,
};

/** The languages of a page's reader. */
export type Reader = Pick<Caller, 'acceptLanguage' | 'chosenLanguage' | 'ownQuery'>;

/** Why a form is shown again: its page was too old, or the browser keeps none of our cookies. */
export type FormNotice = 'shown_again' | 'cookies_refused';

/** The HTML that this module sends by itself. Layouts are in `pages`, which `platform` may not import. */
export interface PageRenderer {
  readonly problem: (document: ProblemDocument, reader: Reader, retryAfterSeconds?: number) => Html;
  /** Stands above the fields of a form that is shown again, in the reader's language. */
  readonly formNotice: (reader: Reader, reason: FormNotice) => Html;
  readonly knownLanguage: KnownLanguage;
  /** The path of the page that signs in or steps up, and leads back to a path of ours. */
  readonly proofPath: (needed: 'session' | 'step_up', back: string) => `/${string}`;
}

export interface CookieDomain {
  readonly name: string;
  readonly includes: (origin: string) => boolean;
}

export interface ServerOptions {
  readonly endpoints: readonly Endpoint[];
  readonly authenticate: Authenticate;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Undefined: requests are not traced. */
  readonly tracer?: Tracer | undefined;
  /** The origin that browsers see; never built from `Host` (invariant 7). */
  readonly publicUrl: URL;
  /** Shares the session cookie with the https origins of a domain. */
  readonly cookieDomain?: CookieDomain | undefined;
  readonly production: boolean;
  readonly clock: Clock;
  readonly parseJson: ParseJson;
  readonly resolveClientAddress: (hops: {
    readonly socketAddress: string;
    readonly forwardedFor: string | undefined;
  }) => string;
  /** Whether the peer of a connection is a trusted proxy, whose request ids are logged. */
  readonly isTrustedPeer: (socketAddress: string) => boolean;
  readonly makeRequestId: () => string;
  readonly limiter: Limiter;
  /** Undefined: no request is shed. */
  readonly overload?: Overload | undefined;
  readonly pages: PageRenderer;
  /** Whether a client lists this origin: its pages may call the API with tokens (CORS). */
  readonly isListedOrigin: (origin: string) => boolean;
  readonly limits?: Partial<Limits>;
  /** Turns an error of another module (the database's) into a problem; undefined means a bug. */
  readonly toProblem?: (error: unknown) => Problem | undefined;
}
