/**
 * The locations of each canary after the scenario; reviewed by hand. A canary without an entry must be found nowhere.
 * A missing location also fails the test, because it means that the location was not searched.
 */

/** Locations as `Locations` names them, sorted. */
export const expected: Readonly<Record<string, readonly string[]>> = {
  // The columns of the account, its mails, and the output of admin commands.
  address: [
    'command user list',
    'command user show',
    'identifiers.as_typed',
    'identifiers.canonical',
    'mail to address',
    'requests to the hook',
  ],
  // Released by its user, who undid the change.
  'new address': ['mail to new address'],
  'invited address': [
    'command invite create',
    'command user list',
    'identifiers.as_typed',
    'identifiers.canonical',
    'mail to invited address',
    'requests to the hook',
  ],
  'created address': ['command user create', 'command user list', 'identifiers.as_typed', 'identifiers.canonical'],
  // The hook received it before PostgreSQL rejected the row.
  'broken address': ['requests to the hook'],
  name: ['command user list', 'command user show', 'requests to the hook', 'users.name'],
  'invited name': ['command user list', 'requests to the hook', 'users.name'],
  // The notice of a login from a new device includes the address.
  'client address': ['mail to address', 'requests to the hook'],
  'verification link': ['mail to address'],
  // The page for a browser that did not ask for the link keeps it in the links to other languages: it was not used up, and the
  // browser sent it.
  'login link': ['mail to address', 'problems'],
  'recovery link': ['mail to address'],
  'confirmation link': ['mail to new address'],
  'undo link': ['mail to address'],
  'cancel link': ['mail to address'],
  invitation: ['mail to invited address'],
  // The protocol has the DSN in each envelope.
  sentryKey: ['error reports'],
};

/** Personal data that is no secret; the files of the embedded database contain it, also in deleted rows. */
export const personalData: readonly string[] = [
  'address',
  'new address',
  'invited address',
  'created address',
  'broken address',
  'name',
  'invited name',
];

/** Patterns of secrets and their allowed locations. */
export const patterns: readonly (readonly [what: string, pattern: RegExp, places: readonly string[]])[] = [
  [
    'prefixed secrets',
    /lk_[a-z]{2}_[\w-]{20}/,
    ['mail to address', 'mail to invited address', 'mail to new address', 'problems'],
  ],
  ['JWTs', /\beyJ[\w-]{10,}\.[\w-]{10,}/, []],
  ['hashes of passwords', /\$argon2/, []],
  ['codes of six digits', /\bcode[\\"': =]{1,6}\d{6}\b|(?:\n|\\n)\d{6}(?:\r?\n|\\n)/i, ['mail to address']],
  ['private keys', /PRIVATE KEY|"d":\s*"/, []],
];
