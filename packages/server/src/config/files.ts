/** Reads the files that configuration refers to. */
import { readFileSync } from 'node:fs';

export type FileContent =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'absent' }
  /** `reason` is an error code, such as `EACCES`. */
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Reads a whole text file synchronously; never throws. */
export type FileReader = (path: string) => FileContent;

/** Reads from the file system. */
export const diskFiles: FileReader = (path) => {
  try {
    return { kind: 'text', text: readFileSync(path, 'utf8') };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return code === 'ENOENT' ? { kind: 'absent' } : { kind: 'unreadable', reason: code };
  }
};
