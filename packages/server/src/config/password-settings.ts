/** Settings of the password policy, of breached-password checks, and of hashing. */
import { z } from 'zod';
import { choice, flag, integer, optionalInteger, text } from './setting.ts';
import { isServiceUrl } from './values.ts';

const breachService = z.object({
  url: text(
    {
      env: 'LATCHKEY_PASSWORD_BREACH_URL',
      expected: 'an https URL (http only for localhost, 127.0.0.0/8 and [::1])',
      fallback: 'none',
      doc: 'Range service for breached passwords, such as `https://api.pwnedpasswords.com/range`. The server appends the first five hexadecimal digits of the SHA-1 of each new password and sends nothing else of it. `config print` shows this URL: put no secret into it.',
    },
    isServiceUrl,
  ),
  timeoutMs: integer(100, 10_000, 2000, {
    env: 'LATCHKEY_PASSWORD_BREACH_TIMEOUT_MS',
    doc: 'Milliseconds until the whole response must have arrived. The user waits meanwhile.',
  }),
  whenDown: choice(['allow', 'refuse'], 'allow', {
    env: 'LATCHKEY_PASSWORD_BREACH_WHEN_DOWN',
    doc: 'What happens to a new password when the service is down: `allow` skips the check, `refuse` returns 503. Both are logged.',
  }),
  allowPrivate: flag({
    env: 'LATCHKEY_PASSWORD_BREACH_ALLOW_PRIVATE',
    doc: 'Allows a URL in your own network and, outside production, an http URL on this machine. Otherwise the server connects to public addresses only.',
  }),
});

export const passwords = z.object({
  profile: choice(['standard', 'nist', 'composition'], 'standard', {
    env: 'LATCHKEY_PASSWORD_PROFILE',
    doc: 'Policy for new passwords: `standard` requires 12 characters, `nist` 15, `composition` 12 with four kinds of characters. See `docs/security/passwords.md`.',
  }),
  breachService,
  filter: text({
    env: 'LATCHKEY_PASSWORD_FILTER',
    expected: 'the path of a file that "latchkey passwords build-filter" wrote',
    fallback: 'none',
    doc: 'File of breached passwords for checks without a service, such as `/var/lib/latchkey/breached.filter`. A relative path starts at the working directory.',
  }),
  argon2: z.object({
    memoryKib: integer(8, 4_194_304, 19_456, {
      env: 'LATCHKEY_ARGON2_MEMORY_KIB',
      doc: 'Memory of one password hash (Argon2id), in KiB. Existing hashes are replaced at the next login.',
    }),
    passes: integer(1, 100, 2, {
      env: 'LATCHKEY_ARGON2_TIME',
      doc: 'Passes (iterations) of one password hash. Production requires a minimum of memory for each number of passes.',
    }),
    parallelism: integer(1, 64, 1, {
      env: 'LATCHKEY_ARGON2_PARALLELISM',
      doc: 'Lanes of one password hash. Each needs at least 8 KiB of its memory.',
    }),
  }),
  hashConcurrency: optionalInteger(1, 256, {
    env: 'LATCHKEY_HASH_CONCURRENCY',
    fallback: 'the number of CPU cores',
    doc: 'Password hashes computed in parallel. Each takes `LATCHKEY_ARGON2_MEMORY_KIB` of memory.',
  }),
  hashQueueLength: integer(0, 100_000, 100, {
    env: 'LATCHKEY_HASH_QUEUE_LENGTH',
    doc: 'Password hashes that may wait. When the queue is full, the server returns 503 immediately.',
  }),
});
