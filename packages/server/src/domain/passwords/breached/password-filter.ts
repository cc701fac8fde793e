import { type FileHandle, open } from 'node:fs/promises';
import { sha1Of } from './build-filter.ts';
import {
  decodeHeader,
  isInPage,
  isIntact,
  type PasswordFilterHeader,
  pageBytes,
  pageOf,
  passwordFilterBytes,
} from './filter-format.ts';

/** The file is not a password filter, or is damaged or truncated. */
export class PasswordFilterUnusable extends Error {
  override name = 'PasswordFilterUnusable';
}

/** An open filter file. A lookup reads one page; the page cache of the operating system is the only cache. */
export class PasswordFilter {
  readonly header: PasswordFilterHeader;
  readonly #file: FileHandle;
  readonly #path: string;

  private constructor(file: FileHandle, path: string, header: PasswordFilterHeader) {
    this.#file = file;
    this.#path = path;
    this.header = header;
  }

  /**
   * Opens a filter and validates its header and length.
   *
   * @throws PasswordFilterUnusable when the file cannot be read or fails the validation.
   */
  static async open(path: string): Promise<PasswordFilter> {
    let file: FileHandle | undefined;
    try {
      file = await open(path, 'r');
      return new PasswordFilter(file, path, await readHeaderOf(file, path));
    } catch (error) {
      await file?.close();
      if (error instanceof PasswordFilterUnusable) throw error;
      throw new PasswordFilterUnusable(`The password filter ${path} cannot be read.`, { cause: error });
    }
  }

  /**
   * Returns whether a password is in the list; true for one in a thousand that are not.
   *
   * @throws PasswordFilterUnusable when the page is damaged, since either result could be wrong.
   */
  async has(password: string): Promise<boolean> {
    const sha1 = sha1Of(password);
    const page = await readPage(this.#file, 1 + pageOf(sha1, this.header.pages));
    if (!isIntact(page))
      throw new PasswordFilterUnusable(`The password filter ${this.#path} is damaged; build it again.`);
    return isInPage(page, sha1);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

async function readHeaderOf(file: FileHandle, path: string): Promise<PasswordFilterHeader> {
  const header = decodeHeader(await readPage(file, 0));
  if (header === undefined) throw new PasswordFilterUnusable(`${path} is not a password filter, or it is damaged.`);
  const { size } = await file.stat();
  if (size === passwordFilterBytes(header)) return header;
  throw new PasswordFilterUnusable(`The password filter ${path} is incomplete: it has ${size} bytes.`);
}

async function readPage(file: FileHandle, index: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(pageBytes), 0, pageBytes, index * pageBytes);
  return buffer.subarray(0, bytesRead);
}
