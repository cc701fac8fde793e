/** What a new password must be, who is asked about it, and what its hash costs. */
import { z } from 'zod';
import { choice, flag, integer, optionalInteger, text } from './setting.ts';
import { isServiceUrl } from './values.ts';

const breachService = z.object({
  url: text(
    {
      env: 'LATCHKEY_PASSWORD_BREACH_URL',
      expected: 'an https URL (http only for localhost, 127.0.0.0/8 and [::1])',
      fallback: 'no service is asked',
      doc: 'A range service that knows breached passwords, such as `https://api.pwnedpasswords.com/range`; five digits of the SHA-1 of each new password are put behind it. It is shown by `config print`: put no secret into it.',
    },
    isServiceUrl,
  ),
  timeoutMs: integer(100, 10_000, 2000, {
    env: 'LATCHKEY_PASSWORD_BREACH_TIMEOUT_MS',
    doc: 'Milliseconds from the question to the last byte of the answer; the person waits meanwhile.',
  }),
  whenDown: choice(['allow', 'refuse'], 'allow', {
    env: 'LATCHKEY_PASSWORD_BREACH_WHEN_DOWN',
    doc: 'What happens when there is no answer: `allow` goes on as if there were no service, `refuse` answers 503. Both are logged.',
  }),
  allowPrivate: flag({
    env: 'LATCHKEY_PASSWORD_BREACH_ALLOW_PRIVATE',
    doc: 'Lets the URL lead into your own network or, outside production, to this machine by http. Without it only global addresses are asked.',
  }),
});

/** The group `passwords`. */
export const passwords = z.object({
  profile: choice(['standard', 'nist', 'composition'], 'standard', {
    env: 'LATCHKEY_PASSWORD_PROFILE',
    doc: 'What a new password must be: `standard` asks for 12 characters, `nist` for 15, `composition` for 12 of four kinds. See `docs/security/passwords.md`.',
  }),
  breachService,
  filter: text({
    env: 'LATCHKEY_PASSWORD_FILTER',
    expected: 'the path of a file that "latchkey passwords build-filter" made',
    fallback: 'none',
    doc: 'Breached passwords on this machine, without asking anybody; relative to the working directory.',
  }),
  argon2: z.object({
    memoryKib: integer(8, 4_194_304, 19_456, {
      env: 'LATCHKEY_ARGON2_MEMORY_KIB',
      doc: 'Memory of one password hash, in KiB.',
    }),
    passes: integer(1, 100, 2, { env: 'LATCHKEY_ARGON2_TIME', doc: 'Passes of one password hash.' }),
    parallelism: integer(1, 64, 1, { env: 'LATCHKEY_ARGON2_PARALLELISM', doc: 'Lanes of one password hash.' }),
  }),
  hashConcurrency: optionalInteger(1, 256, {
    env: 'LATCHKEY_HASH_CONCURRENCY',
    fallback: 'the number of cores',
    doc: 'Password hashes computed at once; each takes the memory above.',
  }),
  hashQueueLength: integer(0, 100_000, 100, {
    env: 'LATCHKEY_HASH_QUEUE_LENGTH',
    doc: 'Password hashes that may wait; beyond it the answer is 503 at once.',
  }),
});
