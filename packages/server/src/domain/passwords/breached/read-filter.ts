/** Asking a filter. */
import { type FileHandle, open } from 'node:fs/promises';
import { sha1Of } from './build-filter.ts';
import { type FilterHeader, filterBytes, isIn, isIntact, pageBytes, pageOf, readHeader } from './filter-format.ts';

/** The file is no filter, or not whole. */
export class FilterUnusable extends Error {
  override name = 'FilterUnusable';
}

/** A filter that stays on the disk: a question reads one page of it, which the operating system keeps when it is asked often. */
export class PasswordFilter {
  readonly header: FilterHeader;
  readonly #file: FileHandle;
  readonly #path: string;

  private constructor(file: FileHandle, path: string, header: FilterHeader) {
    this.#file = file;
    this.#path = path;
    this.header = header;
  }

  /** Opens a filter and looks at its header and its length. @throws FilterUnusable when it cannot be used. */
  static async open(path: string): Promise<PasswordFilter> {
    let file: FileHandle | undefined;
    try {
      file = await open(path, 'r');
      return new PasswordFilter(file, path, await readHeaderOf(file, path));
    } catch (error) {
      await file?.close();
      if (error instanceof FilterUnusable) throw error;
      throw new FilterUnusable(`The password filter ${path} cannot be read.`, { cause: error });
    }
  }

  /**
   * Whether a password is in the list; of those that are not, one in a thousand is said to be.
   *
   * @throws FilterUnusable when the page is damaged: no answer may be made from it, in either direction.
   */
  async has(password: string): Promise<boolean> {
    const sha1 = sha1Of(password);
    const page = await readPage(this.#file, 1 + pageOf(sha1, this.header.pages));
    if (!isIntact(page)) throw new FilterUnusable(`The password filter ${this.#path} is damaged; build it again.`);
    return isIn(page, sha1);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

async function readHeaderOf(file: FileHandle, path: string): Promise<FilterHeader> {
  const header = readHeader(await readPage(file, 0));
  if (header === undefined) throw new FilterUnusable(`${path} is not a password filter, or it is damaged.`);
  const { size } = await file.stat();
  if (size === filterBytes(header)) return header;
  throw new FilterUnusable(`The password filter ${path} is not whole: it has ${size} bytes.`);
}

async function readPage(file: FileHandle, index: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(pageBytes), 0, pageBytes, index * pageBytes);
  return buffer.subarray(0, bytesRead);
}
