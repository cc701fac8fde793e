import type { CommandRow } from './command-row.ts';
import { providerRows } from './provider-rows.ts';

const password = 'correct horse battery staple';

/** The order matters: each row depends on the rows before it. */
export const table: readonly CommandRow[] = [
  { command: 'config check', output: /^The configuration is valid \(test, (embedded database|PostgreSQL)\)\.$/ },
  { command: 'config print', output: /^LATCHKEY_KEK +\(set\)$/m },
  { command: 'migrate up', output: { 'server down': /^Applied 0001_first_schema\.$/m, ...both(/^Nothing to do\.$/) } },
  { command: 'migrate status', output: /^0001_first_schema {2}applied \d{4}-/ },
  { command: 'migrate plan', output: /^No migrations are pending\.$/ },
  { command: 'migrate down', exit: 2, output: /^"latchkey migrate down" needs --to\.$/ },
  {
    command: 'migrate down',
    argv: ['--to', '9999'],
    exit: { 'server down': 0, 'server up, embedded': 1, 'server up, PostgreSQL': 0 },
    output: {
      'server down': /^Nothing to do\.$/,
      'server up, embedded': /^A server is running on this schema\. Stop it first, then revert migrations\.$/,
      'server up, PostgreSQL': /^Nothing to do\.$/,
    },
  },
  { command: 'user list', output: /^There are no users\.$/ },
  {
    command: 'user create',
    argv: ['--email', 'Ada@Example.com', '--name', 'Ada', '--role', 'owner', '--password-stdin'],
    input: `${password}\n`,
    output: /^Created Ada@Example\.com with the id [0-9a-f-]{36}\.$/,
  },
  {
    command: 'user create',
    argv: ['--email', 'ada@example.com', '--name', 'Another', '--no-password'],
    exit: 1,
    output: /^The address ada@example\.com belongs to the user [0-9a-f-]{36}\.$/,
  },
  {
    command: 'user create',
    argv: ['--email', 'bob@example.com', '--name', 'Bob', '--no-password', '--locale', 'de'],
    output: /^Created bob@example\.com/,
  },
  {
    command: 'user create',
    argv: ['--email', 'eve@example.com', '--name', 'Eve', '--password-stdin'],
    input: 'short\n',
    exit: 2,
    output: /^The password: Choose a password with at least 12 characters\.$/,
  },
  {
    command: 'user create',
    argv: ['--email', 'eve@example.com', '--name', 'Eve', '--password-stdin'],
    input: 'password1234\n',
    exit: 2,
    output: /^The password: This is one of the most used passwords, which are tried first\. /,
  },
  {
    command: 'user create',
    argv: ['--email', 'eve@example.com', '--name', 'Eve'],
    exit: 2,
    output: /^No password was entered\. Use a terminal, --password-stdin or --no-password\.$/,
  },
  {
    command: 'user create',
    argv: ['--email', 'not an address', '--name', 'Eve', '--no-password'],
    exit: 2,
    output: /^--email: This is not an email address that can be used here\.$/,
  },
  {
    command: 'user create',
    argv: ['--email', 'eve@example.com', '--name', 'Eve', '--no-password', '--role', 'king'],
    exit: 2,
    output: /^--role: There is no role "king"\. Choose one of: owner\.$/,
  },
  {
    command: 'user create',
    argv: ['--email', 'eve@example.com', '--name', 'Eve', '--password', password],
    exit: 2,
    output: /^latchkey user create: Unknown option '--password'\.$/,
  },
  { command: 'invite list', output: /^There are no open invitations\.$/ },
  {
    command: 'invite create',
    argv: ['--email', 'Invited@Example.com', '--role', 'owner', '--locale', 'de'],
    output: /^Invited Invited@Example\.com with the id [0-9a-f-]{36}\. The invitation is valid until \d{4}-/,
  },
  {
    command: 'invite create',
    argv: ['--email', 'ada@example.com'],
    exit: 1,
    output: /^The address ada@example\.com belongs to the user [0-9a-f-]{36}\.$/,
  },
  {
    command: 'invite create',
    argv: ['--email', 'eve@example.com', '--role', 'king'],
    exit: 2,
    output: /^--role: There is no role "king"\. Choose one of: owner\.$/,
  },
  { command: 'invite list', output: /^[0-9a-f-]{36} {2}until \d{4}-\S+ {2}owner {2}Invited@Example\.com$/ },
  {
    command: 'invite revoke',
    argv: ['00000000-0000-7000-8000-000000000000'],
    exit: 1,
    output: /^There is no open invitation with the id "0/,
  },
  {
    command: 'admin create',
    argv: ['First@example.com'],
    output: /^The link is in .*\/setup-link\. It works once, until \d{4}-\S+Z\. Delete the file afterwards\.$/,
  },
  { command: 'admin create', argv: ['first@example.com'], output: /^The link is in .*\/setup-link\. It works once/ },
  {
    command: 'admin create',
    argv: ['ADA@example.com'],
    exit: 1,
    output: /^This user (is an owner|has a password) already/,
  },
  { command: 'admin create', argv: ['not an address'], exit: 2, output: /^EMAIL: / },
  {
    command: 'admin recover',
    argv: ['nobody@example.com'],
    exit: 1,
    output: /^There is no user with the address "nob/,
  },
  { command: 'admin recover', argv: ['first@example.com'], exit: 1, output: /^This user is not an owner\./ },
  { command: 'user factors', argv: ['ADA@example.com'], output: /^The user has no second factor\.$/ },
  {
    command: 'user factors',
    argv: ['nobody@example.com'],
    exit: 1,
    output: /^There is no user with the id or address "nob/,
  },
  { command: 'user show', argv: ['ADA@example.com'], output: /^email +Ada@Example\.com \(verified .*\nname +Ada\n/m },
  { command: 'user show', argv: ['ada@example.com'], output: /^roles +owner\nactive sessions +0$/m },
  {
    command: 'user show',
    argv: ['nobody@example.com'],
    exit: 1,
    output: /^There is no user with the id or address "nob/,
  },
  { command: 'user show', exit: 2, output: /^"latchkey user show" needs ID\|EMAIL\.$/ },
  {
    command: 'user metadata',
    argv: ['ada@example.com', '--set-public', '{"plan":"pro"}', '--set-private', '{"note":"a friend"}'],
    output: /^public metadata {3}\{"plan":"pro"\}\nprivate metadata {2}\{"note":"a friend"\}$/,
  },
  {
    command: 'user metadata',
    argv: ['ada@example.com', '--set-private', '{}'],
    output: /pro"\}\nprivate metadata +\{\}$/,
  },
  {
    command: 'user show',
    argv: ['ada@example.com'],
    output: /^public metadata +\{"plan":"pro"\}\nprivate metadata +\{\}$/m,
  },
  {
    command: 'user metadata',
    argv: ['ada@example.com', '--set-public', '{"a":1,"\\u0061":2}'],
    exit: 2,
    output: /^--set-public: duplicate key at character \d+\.$/,
  },
  {
    command: 'user metadata',
    argv: ['ada@example.com', '--set-public', '["pro"]'],
    exit: 2,
    output: /^--set-public must be a JSON object, such as \{"plan":"pro"\}\.$/,
  },
  {
    command: 'user metadata',
    argv: ['ada@example.com', '--set-public', '{"a":"\\u0000"}'],
    exit: 2,
    output: /^--set-public contains a character or number that cannot be stored\.$/,
  },
  {
    command: 'user metadata',
    argv: ['ada@example.com', '--set-private', `{"a":"${'a'.repeat(8192)}"}`],
    exit: 2,
    output: /^Public and private metadata are limited to 8192 bytes each\.$/,
  },
  {
    command: 'user metadata',
    argv: ['ada@example.com'],
    output: /^public metadata +\{"plan":"pro"\}\nprivate metadata +\{\}$/,
  },
  {
    command: 'user metadata',
    argv: ['nobody@example.com'],
    exit: 1,
    output: /^There is no user with the id or address "nob/,
  },
  {
    command: 'user list',
    argv: ['--limit', '1'],
    output: /^[0-9a-f-]{36} {2}active {2}Ada@Example\.com {2}Ada\nNext page: /,
  },
  { command: 'user list', argv: ['--limit', '0'], exit: 2, output: /^--limit must be a number from 1 to 1000\.$/ },
  { command: 'user list', argv: ['--after', 'ada'], exit: 1, output: /^There is no user with the id "ada"\.$/ },
  { command: 'user disable', argv: ['bob@example.com'], output: /^Disabled the user and revoked 0 sessions\.$/ },
  { command: 'user disable', argv: ['bob@example.com'], output: /^The user is already disabled\.$/ },
  { command: 'user enable', argv: ['bob@example.com'], output: /^Enabled the user, who can log in again\.$/ },
  {
    command: 'user enable',
    argv: ['bob@example.com'],
    output: /^The user is not disabled\. The status is "active"\.$/,
  },
  { command: 'user unlock', argv: ['bob@example.com'], output: /^Reset the failed attempts of the user\.$/ },
  { command: 'user unlock', argv: ['nobody'], exit: 1, output: /^There is no user with the id or address "nobody"\.$/ },
  { command: 'user reset-factors', argv: ['bob@example.com'], output: /^The user has no second factor\.$/ },
  { command: 'user end-sessions', argv: ['bob@example.com'], output: /^Revoked 0 sessions\.$/ },
  {
    command: 'user end-sessions',
    argv: ['nobody'],
    exit: 1,
    output: /^There is no user with the id or address "nobody"\.$/,
  },
  {
    command: 'user grant-role',
    argv: ['bob@example.com', 'owner'],
    output: /^Granted the role owner and revoked 0 sessions\.$/,
  },
  { command: 'user grant-role', argv: ['bob@example.com', 'owner'], output: /^The user already has the role owner\.$/ },
  { command: 'user show', argv: ['bob@example.com'], output: /^roles +owner$/m },
  {
    command: 'user revoke-role',
    argv: ['bob@example.com', 'owner'],
    output: /^Revoked the role owner and 0 sessions\.$/,
  },
  {
    command: 'user revoke-role',
    argv: ['bob@example.com', 'owner'],
    output: /^The user does not have the role owner\.$/,
  },
  {
    command: 'user grant-role',
    argv: ['bob@example.com', 'king'],
    exit: 2,
    output: /^ROLE: There is no role "king"\. Choose one of: owner\.$/,
  },
  {
    command: 'user grant-role',
    argv: ['bob@example.com'],
    exit: 2,
    output: /^"latchkey user grant-role" needs ROLE\.$/,
  },
  {
    command: 'user revoke-role',
    argv: ['nobody', 'owner'],
    exit: 1,
    output: /^There is no user with the id or address "nobody"\.$/,
  },
  { command: 'client origins', output: /^There are no origins\.$/ },
  {
    command: 'client set-origins',
    argv: ['--origin', 'https://app.example.com', '--origin', 'capacitor://localhost'],
    output:
      /^Set the origins to https:\/\/app\.example\.com, capacitor:\/\/localhost\. All nodes apply this within 30 s\.$/,
  },
  { command: 'client origins', output: /^https:\/\/app\.example\.com\ncapacitor:\/\/localhost$/ },
  {
    command: 'client set-origins',
    argv: ['--origin', 'https://app.example.com/'],
    exit: 2,
    output: /^"https:\/\/app\.example\.com\/" is not an origin such as /,
  },
  { command: 'client set-origins', exit: 2, output: /^Use either --origin, once or more, or --none\.$/ },
  {
    command: 'client set-origins',
    argv: ['--none'],
    output: /^Removed all origins\. All nodes apply this within 30 s\.$/,
  },
  ...providerRows,
  { command: 'keys list', output: /^\S{43} {2}ES256 {2}active {2}created \S+\n\S{43} {2}ES256 {2}next/ },
  {
    command: 'keys rotate',
    exit: 1,
    output: /^Verifiers may not have the next key \S+ yet\. Rotate after \S+, or use --now\.$/,
  },
  { command: 'keys rotate', argv: ['--now'], output: /^\S{43} is now the signing key\. \S{43} verifies until \S+\.$/ },
  { command: 'keys revoke', argv: ['no-such-key'], exit: 1, output: /^There is no signing key "no-such-key"\.$/ },
  { command: 'keys revoke', exit: 2, output: /^"latchkey keys revoke" needs KID\.$/ },
  { command: 'keys rotate-data', argv: ['cursor'], output: /^Generated a new data key for "cursor"\. / },
  {
    command: 'keys rotate-data',
    argv: ['tea'],
    exit: 2,
    output: /^There is no purpose "tea"\. Choose one of: user_key, /,
  },
  {
    command: 'passwords build-filter',
    argv: ['no-such-list'],
    exit: 1,
    output: /^The filter could not be built: ENOENT: .*no-such-list'\.$/,
  },
  {
    command: 'passwords build-filter',
    argv: ['/dev/null'],
    exit: 1,
    output: /^The filter could not be built: \/dev\/null is not a regular file; it must be readable more than once\.$/,
  },
  { command: 'passwords build-filter', exit: 2, output: /^"latchkey passwords build-filter" needs FILE\.$/ },
  { command: 'doctor', output: /^ok +schema +The schema matches this release\.$/m },
  { command: 'doctor', argv: ['now'], exit: 2, output: /^"latchkey doctor" does not accept "now"\.$/ },
];

/** Commands that run until they are stopped. */
export const processes: readonly CommandRow[] = [
  {
    command: 'serve',
    exit: { 'server down': 0, 'server up, embedded': 1, 'server up, PostgreSQL': 1 },
    output: {
      'server down': /^Latchkey \S+ is listening\.$/m,
      'server up, embedded': /^The data directory \S+ is in use by process \d+\.$/,
      'server up, PostgreSQL': /is (already )?(in use|taken)/,
    },
  },
  { command: 'work', exit: 78, output: /^"latchkey work" needs SMTP_URL: / },
];

function both(output: RegExp) {
  return { 'server up, embedded': output, 'server up, PostgreSQL': output };
}
