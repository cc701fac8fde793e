/** The inputs of the configuration, and a value that was found in them. */
import type { FileReader } from './files.ts';

/** The inputs of the configuration. */
export interface Sources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly files: FileReader;
  /** Working directory, absolute. It contains the file, and relative paths start here. */
  readonly cwd: string;
}

/** A configured value, and its source as messages name it. */
export interface Given {
  readonly value: unknown;
  readonly name: string;
}
