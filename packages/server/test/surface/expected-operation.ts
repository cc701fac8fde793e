/** One row of the table of operations. */
import type { PrincipalKind } from '#platform/http/index.ts';

/** Who may call it, and what it takes. */
export interface ExpectedOperation {
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly kind: 'api' | 'page' | 'document';
  readonly principals: readonly PrincipalKind[];
  /** The classes of docs/security/limits.md. */
  readonly rateLimit: 'public' | 'credential' | 'mail' | 'authenticated' | 'none';
  /** A body that its schema accepts; each text in it is made wrong in turn. */
  readonly body?: Readonly<Record<string, string>>;
  /** The same for a page's form. */
  readonly form?: Readonly<Record<string, string>>;
  /** A query that its schema accepts. */
  readonly query?: string;
  /** Members of `body` that may be left out. */
  readonly optional?: readonly string[];
}
