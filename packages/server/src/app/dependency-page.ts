/**
 * Generates `docs/reference/dependencies.md`: how each external service is called, and what happens without it. Every service
 * that the process reports on has a row, or this file does not compile; the numbers are those that the code uses.
 */
import { providerTotalMs } from '#domain/identity-providers/index.ts';
import { breakerLimits } from '#platform/breaker/index.ts';
import { databaseLimits } from '#platform/database/index.ts';
import type { DependencyName } from '#platform/dependencies/index.ts';
import { smtpLimits } from '#platform/mail/index.ts';
import { outboundLimits } from '#platform/outbound/index.ts';
import { redisLimits } from '#platform/redis/index.ts';
import { errorReportTimeoutMs } from './error-reports.ts';
import { profilePushTimeoutMs } from './profile-push.ts';

interface DependencyRow {
  readonly title: string;
  /** The bulkhead: how many connections or requests of a process it can occupy. */
  readonly connections: string;
  readonly timeout: string;
  readonly retry: string;
  readonly breaker: string;
  /** It cannot be reached. */
  readonly gone: string;
  /** It responds that it does not serve. */
  readonly refuses: string;
  /** It responds late or never. */
  readonly slow: string;
}

const { laneConnections, laneStatementMs, readSilenceMs, writeSilenceMs, writesOpenMs, replica } = databaseLimits;

/** The services that requests of the outbound client go to. */
function called(title: string, timeout: string, gone: string): DependencyRow {
  const { requestsPerOrigin, requests, openSeconds, retries } = outboundLimits;
  return {
    title,
    connections: `one for each request, ${requestsPerOrigin} at most for an origin and ${requests} in all`,
    timeout: `${timeout}, look-up and body included`,
    retry: `${times(retries)}, if no connection could be made`,
    breaker: `${openSeconds} s after ${breakerLimits.failures} consecutive failures`,
    gone,
    refuses: 'as gone, for a status from 500',
    slow: 'as gone, after the timeout',
  };
}

const rows: Readonly<Record<DependencyName, DependencyRow>> = {
  postgresql: {
    title: 'PostgreSQL',
    connections: `${laneConnections}, and a pool of \`DATABASE_POOL_MAX\``,
    timeout:
      `\`DATABASE_CONNECT_TIMEOUT_MS\`; ${ms(laneStatementMs)} for a statement, \`DATABASE_STATEMENT_TIMEOUT_MS\` on the pool; ` +
      `${ms(writeSilenceMs)} without a response, ${ms(readSilenceMs)} for reads, and for the pool when reads have none`,
    retry: 'reads and idempotent statements three times; once on the pool after a lock timeout',
    breaker: `for writes, ${ms(writesOpenMs)} after one without a response`,
    gone: '503, readiness fails; sessions are checked for a second from memory',
    refuses: '503 with `Retry-After`, readiness fails with the reason; a read-only server is not read from',
    slow: '503; `outcome_unknown` where a write may have committed',
  },
  postgresql_replica: {
    title: 'replica of PostgreSQL, if configured',
    connections: `${replica.connections} at most`,
    timeout: `${ms(replica.respondsWithinMs)} for a connection and its position; \`DATABASE_STATEMENT_TIMEOUT_MS\``,
    retry: 'none',
    breaker: 'its position is compared once a second',
    gone: 'lists are read from the primary',
    refuses: 'as gone',
    slow: `as gone; also when it is more than ${ms(replica.lagMs)} behind`,
  },
  redis: {
    title: 'Redis, if configured',
    connections: 'one',
    timeout: `${ms(redisLimits.connectMs)} to connect, \`REDIS_TIMEOUT_MS\` for a command`,
    retry: 'none',
    breaker: `none; a new connection at most each ${ms(redisLimits.reconnectMs)}`,
    gone: 'each process counts limits by itself',
    refuses: 'as gone; the connection is made anew, for the primary may be another',
    slow: 'as gone, after the timeout',
  },
  smtp: {
    title: 'SMTP server',
    connections: 'a pool of `LATCHKEY_JOB_CONCURRENCY`',
    timeout: `${ms(smtpLimits.connectMs)} to connect, ${ms(smtpLimits.silenceMs)} without a reply, ${ms(smtpLimits.messageMs)} for a message`,
    retry: 'by the job, with increasing delays',
    breaker: `${breakerLimits.openSeconds} s after ${breakerLimits.failures} consecutive failures`,
    gone: 'mails wait as jobs; requests succeed',
    refuses: 'a message that is rejected for good is not sent again; otherwise as gone',
    slow: 'as gone; the delivery is in doubt, and sent again with the same Message-ID',
  },
  registration_hook: called(
    'registration hook, if configured',
    '`LATCHKEY_REGISTRATION_HOOK_TIMEOUT_MS` in total',
    'registrations get 503, or are accepted with `LATCHKEY_REGISTRATION_HOOK_WHEN_DOWN=allow`',
  ),
  breached_passwords: called(
    'breached-password service, if configured',
    '`LATCHKEY_PASSWORD_BREACH_TIMEOUT_MS` in total',
    'passwords are accepted unchecked, or get 503 with `LATCHKEY_PASSWORD_BREACH_WHEN_DOWN=refuse`',
  ),
  provider: called(
    'identity providers',
    `${ms(providerTotalMs)} for all requests of a sign-in`,
    'the sign-in offers the other methods',
  ),
  error_reports: called(
    'error reports, if configured',
    `${ms(errorReportTimeoutMs)} in total`,
    'reports are dropped and counted',
  ),
  profiles: called(
    'store of profiles, if configured',
    `${ms(profilePushTimeoutMs)} in total`,
    'profiles are dropped and counted',
  ),
};

const intro = `# Dependencies

Generated from the code by \`npm run generate\`; do not edit.

How a process calls each external service, and what its users notice. A service that refuses or is away is logged once in 30 s for each
reason, and shown by \`/readyz?verbose\`. The OpenTelemetry collector is called by OpenTelemetry's SDK: spans are dropped and counted
while it is away. [Secret stores](../guides/secrets.md) are called at the start and at SIGHUP, each for 3 s at most and all of them for 10 s,
tried again within that time.`;

/** A test compares the result with the committed page. */
export function dependencyPage(): string {
  return `${[intro, calls(), effects()].join('\n\n')}\n`;
}

function calls(): string {
  const cells = ({ title, connections, timeout, retry, breaker }: DependencyRow) => [
    title,
    connections,
    timeout,
    retry,
    breaker,
  ];
  return tableOf('Calls', ['service', 'connections', 'timeout', 'retry', 'breaker'], cells);
}

function effects(): string {
  const cells = ({ title, gone, refuses, slow }: DependencyRow) => [title, gone, refuses, slow];
  return tableOf('Without it', ['service', 'gone', 'refuses', 'slow'], cells);
}

function tableOf(title: string, head: readonly string[], cells: (row: DependencyRow) => readonly string[]): string {
  const lines = [head, head.map(() => '---'), ...Object.values(rows).map(cells)];
  return `## ${title}\n\n${lines.map((line) => `| ${line.join(' | ')} |`).join('\n')}`;
}

function ms(milliseconds: number): string {
  return `${(milliseconds / 1000).toLocaleString('en-US')} s`;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
