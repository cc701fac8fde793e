/** The most used passwords, offline. */
import { createRequire } from 'node:module';

/** No profile takes a shorter password, and so much must be left of one without its context words. */
const minLength = 8;

// The list alone: the package's face unpacks two more tables and takes three times as long.
const listFile = '@zxcvbn-ts/language-common/dist/passwords.json.cjs';

let common: ReadonlySet<string> | undefined;

/**
 * Whether a folded text is one of the 18,000 most used passwords of 8 characters and more.
 * The list is read when it is first asked for, 20 ms once in a process, so that commands and workers do without it.
 */
export function isCommonPassword(folded: string): boolean {
  common ??= readList();
  return common.has(folded);
}

function readList(): ReadonlySet<string> {
  const list = createRequire(import.meta.url)(listFile) as readonly string[];
  return new Set(list.map(String).filter((password) => password.length >= minLength));
}
