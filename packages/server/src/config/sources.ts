/** The inputs of the configuration, and a value that was found in them. */
import type { StoredReference } from '#protocol/secret-reference/index.ts';
import type { FileReader } from './files.ts';
import type { StoreAccess } from './store-access.ts';

/** The inputs of the configuration. */
export interface Sources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly files: FileReader;
  /** Working directory, absolute. It contains the file, and relative paths start here. */
  readonly cwd: string;
  /** Absent: a reference to a secret of a store is a mistake. */
  readonly stores?: ReadSecrets;
}

/** Reads secrets from their stores; returns an outcome for each, in their order. */
export type ReadSecrets = (
  references: readonly StoredReference[],
  access: StoreAccess,
) => Promise<readonly StoreOutcome[]>;

type StoreOutcome =
  | { readonly kind: 'secret'; readonly text: string }
  /** `reason` completes "NAME cannot be read from …: ". `isTransient`: the store may be down for the moment. */
  | { readonly kind: 'failed'; readonly reason: string; readonly isTransient: boolean };

/** A configured value, and its source as messages name it. */
export interface Given {
  readonly value: unknown;
  readonly name: string;
  /** The content of a file, which is the secret and never a reference to it. */
  readonly isContent?: true;
}
