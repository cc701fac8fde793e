/** The configuration as the rest of the program gets it: every value checked, every default applied, nothing mutable. */
import type { KeyObject } from 'node:crypto';

/** `NODE_ENV`, and nothing else, decides it. */
export type Mode = 'production' | 'development' | 'test';

/** Least severe first. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** The algorithm of new signing keys (RFC 7518 §3.1, RFC 8037 §3.1). */
export type SigningAlgorithmName = 'ES256' | 'EdDSA' | 'RS256';

/** Where the data is. Times are milliseconds. */
export type DatabaseConfig =
  | { readonly kind: 'embedded' }
  | {
      readonly kind: 'postgres';
      readonly url: string;
      /** Around a pooler, for migrations and locks; the same as `url` unless it is given. */
      readonly directUrl: string;
      /** As the owner of the tables, for migrations; the same as `directUrl` unless it is given. */
      readonly adminUrl: string;
      readonly pooler: 'none' | 'transaction';
      readonly poolMin: number;
      readonly poolMax: number;
      readonly connectTimeoutMs: number;
      readonly statementTimeoutMs: number;
    };

/** All settings, grouped by what they are about. */
export interface Config {
  readonly mode: Mode;
  /** Absolute. Holds the embedded database, the control socket and, outside production, the key-encryption key. */
  readonly dataDirectory: string;
  readonly http: {
    /** Addresses to listen on: `127.0.0.1` and `::1` unless one is given. */
    readonly hosts: readonly string[];
    /** 0 lets the operating system choose. */
    readonly port: number;
    /** An origin without a trailing slash; also the issuer. No URL is ever built from anything else. */
    readonly publicUrl: string;
    /** Addresses and CIDR ranges whose forwarding headers are believed. */
    readonly trustedProxies: readonly string[];
    /** From SIGTERM until running requests are cut off. */
    readonly drainSeconds: number;
    /** Lets a server that is not in production listen beyond the loopback interface. */
    readonly allowRemoteDevelopment: boolean;
  };
  /** The operator's listener. */
  readonly ops: { readonly host: string; readonly port: number };
  readonly database: DatabaseConfig;
  readonly migrate: 'auto' | 'refuse';
  readonly mail: {
    /** Undefined: the built-in inbox, outside production only. */
    readonly smtpUrl: string | undefined;
    /** `Name <address>` or an address. */
    readonly from: string;
  };
  readonly keys: {
    /** The key-encryption key when one is given; else it is made in the data directory, outside production only. */
    readonly kek: KeyObject | undefined;
    readonly signingAlgorithm: SigningAlgorithmName;
  };
  readonly passwords: {
    readonly profile: 'standard' | 'nist' | 'composition';
    /** Who is asked about breached passwords; undefined: nobody. */
    readonly breachService:
      | {
          readonly url: string;
          readonly timeoutMs: number;
          readonly whenDown: 'allow' | 'refuse';
          /** The URL may lead into the operator's network. */
          readonly allowPrivate: boolean;
        }
      | undefined;
    /** Absolute; a filter of breached passwords. */
    readonly filter: string | undefined;
    readonly argon2: { readonly memoryKib: number; readonly passes: number; readonly parallelism: number };
    /** Hashes computed at once; their memory is this times `memoryKib`. */
    readonly hashConcurrency: number;
    /** Hashes that may wait; the next one is refused at once (invariant 14). */
    readonly hashQueueLength: number;
  };
  readonly registration: 'open' | 'invite' | 'closed';
  /** Domains whose addresses may, and may not, register: `example.com`, or `.example.com` for its subdomains. */
  readonly emailDomains: { readonly allow: readonly string[]; readonly deny: readonly string[] };
  /** First factors by mail, each off unless it is asked for; a mailed secret lives so many seconds, 600 at most. */
  readonly loginByMail: {
    readonly magicLink: boolean;
    readonly magicLinkSeconds: number;
    readonly emailCode: boolean;
    readonly emailCodeSeconds: number;
  };
  /** Which addresses have to confirm a change of address. */
  readonly emailChange: { readonly confirm: 'new' | 'both' };
  /** Whom to ask before anybody registers; undefined: nobody. */
  readonly registrationHook:
    | {
        readonly url: string;
        /** What its questions are signed with. */
        readonly secret: KeyObject;
        readonly timeoutMs: number;
        readonly whenDown: 'refuse' | 'allow';
        /** The URL may lead into the operator's network. */
        readonly allowPrivate: boolean;
      }
    | undefined;
  /** What is said at addresses that everybody knows; nothing is there for what is not given. */
  readonly wellKnown: { readonly securityContacts: readonly string[]; readonly changePasswordUrl: string | undefined };
  /** Days from closing an account to erasing it. */
  readonly deletion: { readonly graceDays: number };
  /** How often somebody may ask: `100/15m`. */
  readonly limits: Readonly<
    Record<'public' | 'authenticated' | 'admin' | 'credential' | 'credentialAddress' | 'mail' | 'mailAddress', string>
  >;
  /** Where limits are counted for all nodes; the database without it. */
  readonly redisUrl: string | undefined;
  readonly redisTimeoutMs: number;
  readonly jobs: { readonly concurrency: number };
  /** Where a proof makes the process kill itself; never outside tests. */
  readonly faultPoint: string | undefined;
  readonly log: { readonly level: LogLevel };
}
