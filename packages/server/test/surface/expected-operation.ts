import type { PrincipalKind } from '#platform/http/index.ts';

/** A row of the table of operations: its principals and valid input. */
export interface ExpectedOperation {
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly kind: 'api' | 'page' | 'document';
  readonly principals: readonly PrincipalKind[];
  /**
   * Whether the session must have authenticated in the last five minutes, or the body has the current password; the form of a
   * page is accepted for twenty.
   */
  readonly stepUp?: true | 'or password' | 'form';
  /** The classes of docs/security/limits.md. */
  readonly rateLimit: 'public' | 'pages' | 'credential' | 'mail' | 'authenticated' | 'none';
  /** A body that the schema accepts; tests invalidate each of its members in turn. */
  readonly body?: Readonly<Record<string, string | object | boolean>>;
  /** A form that the page accepts. */
  readonly form?: Readonly<Record<string, string>>;
  /** A query that its schema accepts. */
  readonly query?: string;
  /** Optional members of `body`. */
  readonly optional?: readonly string[];
  /** Pages of other sites send the form, with fields that we do not know. */
  readonly isForeignForm?: true;
}
