/** The validated configuration: defaults are applied, and all objects and arrays are frozen. */
import type { KeyObject } from 'node:crypto';
import type { BrandLink } from '#protocol/brand/index.ts';
import type { PostgresUrl, RedisServer, SmtpServer, TlsMode } from '#protocol/connection-url/index.ts';
import type { Mailbox } from '#protocol/mailbox/index.ts';
import type { Cidr } from '#protocol/network-address/index.ts';
import type { SentryDsn } from '#protocol/sentry-dsn/index.ts';
import type { Theme } from '#protocol/theme/index.ts';
import type { Limits } from './limit-settings.ts';
import type { ProviderEntry } from './provider-entries.ts';
import type { SecretStoreSettings } from './secret-store-settings.ts';
import type { TraceSettings } from './telemetry-settings.ts';

/** Determined by `NODE_ENV` alone. */
export type Mode = 'production' | 'development' | 'test';

/** Least severe first. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** The algorithm of new signing keys (RFC 7518 §3.1, RFC 8037 §3.1). */
export type SigningAlgorithmName = 'ES256' | 'EdDSA' | 'RS256';

/** A database URL with the content of its files. */
export interface DatabaseServer extends Omit<PostgresUrl, 'tls'> {
  readonly tls: {
    readonly mode: TlsMode;
    /** PEM; without it `verify-full` trusts the public authorities that Node knows. */
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
  };
}

/** The connection to the database. */
export type DatabaseConfig =
  | { readonly kind: 'embedded' }
  | {
      readonly kind: 'postgres';
      readonly server: DatabaseServer;
      /** Bypasses a pooler, for migrations and advisory locks. Defaults to `server`. */
      readonly directServer: DatabaseServer;
      /** Logs in as the owner of the tables, for migrations. Defaults to `directServer`. */
      readonly adminServer: DatabaseServer;
      /** Standbys that lists and reports are read from. Undefined: the primary. */
      readonly replicaServer: DatabaseServer | undefined;
      readonly pooler: 'none' | 'transaction';
      readonly poolMin: number;
      readonly poolMax: number;
      readonly connectTimeoutMs: number;
      readonly statementTimeoutMs: number;
    };

/** All settings, grouped as in `latchkey.config.json`. */
export interface Config {
  /** Sentences about names that look like settings and are ignored. */
  readonly warnings: readonly string[];
  /** The files from which secrets were read. */
  readonly secretFiles: readonly { readonly name: string; readonly path: string }[];
  /** Identity providers that the settings file manages. Undefined: it has no section for them. */
  readonly providers: readonly ProviderEntry[] | undefined;
  readonly mode: Mode;
  readonly unknownSettings: 'refuse' | 'warn';
  /** Absolute path. Contains the embedded database, the control socket and, outside production, the generated KEK. */
  readonly dataDirectory: string;
  readonly brand: {
    readonly name: string;
    readonly theme: Theme;
    /** Absolute paths of files. Undefined: the keyhole and the name. */
    readonly logo: string | undefined;
    readonly logoDark: string | undefined;
    readonly links: readonly BrandLink[];
    /** Absolute path of the folder whose messages replace ours. */
    readonly texts: string | undefined;
  };
  readonly http: {
    /** Addresses that the public listener binds to. */
    readonly hosts: readonly string[];
    /** 0: the operating system chooses a free port. */
    readonly port: number;
    /** An origin without a trailing slash; also the issuer of tokens. Every URL is built from it (invariant 7). */
    readonly publicUrl: string;
    /** The session cookie's `Domain`; undefined: a cookie of the public host alone. */
    readonly cookieDomain: string | undefined;
    /** Addresses and CIDR ranges of proxies whose `X-Forwarded-For` is trusted. */
    readonly trustedProxies: readonly Cidr[];
    /** Time from SIGTERM until the listeners close. */
    readonly shutdownDelaySeconds: number;
    /** Time from then on until open requests are aborted. */
    readonly drainSeconds: number;
    readonly keepAliveSeconds: number;
    /** Allows a development server to listen on addresses other than loopback. */
    readonly allowRemoteDevelopment: boolean;
  };
  readonly ops: { readonly host: string; readonly port: number };
  readonly database: DatabaseConfig;
  readonly mail: {
    /** Undefined: mail goes to the built-in inbox. Never undefined in production. */
    readonly smtp: SmtpServer | undefined;
    readonly from: Mailbox;
    /** The name of this server in SMTP's EHLO. */
    readonly ehloName: string;
  };
  readonly keys: {
    /** Undefined: the server generates the KEK in the data directory. Never undefined in production. */
    readonly kek: KeyObject | undefined;
    readonly signingAlgorithm: SigningAlgorithmName;
  };
  readonly passwords: {
    readonly profile: 'standard' | 'nist' | 'composition';
    /** The range service for breached passwords. Undefined: none. */
    readonly breachService:
      | {
          readonly url: string;
          readonly timeoutMs: number;
          readonly whenDown: 'allow' | 'refuse';
          /** Allows private and loopback addresses. */
          readonly allowPrivate: boolean;
        }
      | undefined;
    /** Absolute path of a filter file of breached passwords. */
    readonly filter: string | undefined;
    readonly argon2: { readonly memoryKib: number; readonly passes: number; readonly parallelism: number };
    /** Hashes computed in parallel. They need this number times `memoryKib` of memory. */
    readonly hashConcurrency: number;
    /** Hashes that may wait. When the queue is full, a request gets 503 immediately (invariant 14). */
    readonly hashQueueLength: number;
  };
  readonly registration: 'open' | 'invite' | 'closed';
  /** `example.com`, or `.example.com` for its subdomains. */
  readonly emailDomains: { readonly allow: readonly string[]; readonly deny: readonly string[] };
  /** First factors by email. The lifetimes are at most 600 seconds. */
  readonly loginByMail: {
    readonly magicLink: boolean;
    readonly magicLinkSeconds: number;
    readonly emailCode: boolean;
    readonly emailCodeSeconds: number;
  };
  readonly passkeys: {
    /** `device_bound` registers none that can be synced; `off` neither registers nor accepts any. */
    readonly accepted: 'any' | 'device_bound' | 'off';
    /** Undefined when the public URL has an IP address. */
    readonly rpId: string | undefined;
    /** The public origin first. */
    readonly origins: readonly string[];
    /** The service's name. */
    readonly name: string;
  };
  /** The addresses that must confirm a change of address: the new one, or the old one too. */
  readonly emailChange: { readonly confirm: 'new' | 'both' };
  /** A service that decides on each registration. Undefined: none. */
  readonly registrationHook:
    | {
        readonly url: string;
        /** Signs the requests to the hook (Standard Webhooks). */
        readonly secret: KeyObject;
        readonly timeoutMs: number;
        readonly whenDown: 'refuse' | 'allow';
        /** Allows private and loopback addresses. */
        readonly allowPrivate: boolean;
      }
    | undefined;
  /** Documents under `/.well-known/`. One that is not configured does not exist. */
  readonly wellKnown: { readonly securityContacts: readonly string[]; readonly changePasswordUrl: string | undefined };
  /** Days from deleting an account to erasing it. */
  readonly deletion: { readonly graceDays: number };
  /** How recent a login or a step-up must be for operations that need one. */
  readonly stepUpSeconds: number;
  readonly secondFactorFor: 'nobody' | 'admins' | 'everybody';
  readonly limits: Limits;
  /** Redis for the shared rate-limit counters. Undefined: they are in the database. */
  readonly redis: RedisServer | undefined;
  readonly redisTimeoutMs: number;
  readonly jobs: { readonly concurrency: number };
  /** The point at which the process sends itself SIGKILL, for crash tests. Undefined unless `NODE_ENV` is `test`. */
  readonly faultPoint: string | undefined;
  readonly log: { readonly level: LogLevel; readonly format: 'json' | 'text' };
  readonly traces: TraceSettings;
  readonly errorReports: {
    /** Undefined: no reports. */
    readonly dsn: SentryDsn | undefined;
    readonly environment: string | undefined;
  };
  readonly profiles: {
    /** Undefined: no profiles are pushed. */
    readonly url: string | undefined;
    readonly headers: Readonly<Record<string, string>> | undefined;
    readonly seconds: number;
  };
  /** How secret stores are reached; empty for a store that no setting refers to. */
  readonly secretStores: SecretStoreSettings;
}
