import { createRequire } from 'node:module';

/** Shorter entries cannot match: no shorter text is ever compared (`minLength` of each profile, `minOtherCharacters`). */
const minLength = 8;

// The list alone: the package's main export unpacks two more tables and takes three times as long.
const listFile = '@zxcvbn-ts/language-common/dist/passwords.json.cjs';

let common: ReadonlySet<string> | undefined;

/**
 * Whether a case-folded text is one of the 18,000 most common passwords of at least 8 characters.
 * The first call reads the list (20 ms), so that commands and workers that never call it do not pay for it.
 */
export function isCommonPassword(folded: string): boolean {
  common ??= readList();
  return common.has(folded);
}

function readList(): ReadonlySet<string> {
  const list = createRequire(import.meta.url)(listFile) as readonly string[];
  return new Set(list.map(String).filter((password) => password.length >= minLength));
}
