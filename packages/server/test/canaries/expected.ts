/**
 * Where each canary is found after its life: reviewed by hand. What is not here is found nowhere at all.
 * A place that is missing fails the test as a place too many does, since then that place was not searched.
 */

/** By canary; the places as `Places` names them, sorted. */
export const expected: Readonly<Record<string, readonly string[]>> = {
  // The account's own columns, its mails, and what an operator asked to see.
  address: [
    'command user list',
    'command user show',
    'identifiers.as_typed',
    'identifiers.canonical',
    'mail to address',
    'questions of the hook',
  ],
  // Given up by its owner, who took the first one back.
  'new address': ['mail to new address'],
  'invited address': [
    'command invite create',
    'command user list',
    'identifiers.as_typed',
    'identifiers.canonical',
    'mail to invited address',
    'questions of the hook',
  ],
  'made address': ['command user create', 'command user list', 'identifiers.as_typed', 'identifiers.canonical'],
  // The hook was asked; then PostgreSQL refused the row.
  'broken address': ['questions of the hook'],
  name: ['command user list', 'command user show', 'questions of the hook', 'users.name'],
  'invited name': ['command user list', 'questions of the hook', 'users.name'],
  // The notice of a login from a new device says where it came from.
  'client address': ['mail to address', 'questions of the hook'],
  'verification link': ['mail to address'],
  'login link': ['mail to address'],
  'recovery link': ['mail to address'],
  'confirmation link': ['mail to new address'],
  'undo link': ['mail to address'],
  'keeping link': ['mail to address'],
  invitation: ['mail to invited address'],
};

/** What is personal without being a secret: the files of the embedded database hold it, also of rows that are gone. */
export const personal: readonly string[] = [
  'address',
  'new address',
  'invited address',
  'made address',
  'broken address',
  'name',
  'invited name',
];

/** What looks like a secret, and where that may be. */
export const patterns: readonly (readonly [what: string, pattern: RegExp, places: readonly string[]])[] = [
  ['secrets of ours', /lk_[a-z]{2}_[\w-]{20}/, ['mail to address', 'mail to invited address', 'mail to new address']],
  ['JWTs', /\beyJ[\w-]{10,}\.[\w-]{10,}/, []],
  ['hashes of passwords', /\$argon2/, []],
  ['codes of six digits', /\bcode[\\"': =]{1,6}\d{6}\b/i, ['mail to address']],
  ['private keys', /PRIVATE KEY|"d":\s*"/, []],
];
