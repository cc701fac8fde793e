/** Reading the few files that configuration may name. */
import { readFileSync } from 'node:fs';

/** What a path holds. */
export type FileContent =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'absent' }
  /** `reason` is the system's code, such as `EACCES`. */
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Reads a small text file. */
export type FileReader = (path: string) => FileContent;

/** The machine's own files. */
export const diskFiles: FileReader = (path) => {
  try {
    return { kind: 'text', text: readFileSync(path, 'utf8') };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return code === 'ENOENT' ? { kind: 'absent' } : { kind: 'unreadable', reason: code };
  }
};
