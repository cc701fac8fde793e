/** Opens the reports of errors, if they are configured. */
import { hostname } from 'node:os';
import type { Config } from '#config/index.ts';
import { systemClock } from '#kernel/clock.ts';
import type { Outbound } from '#platform/outbound/index.ts';
import { ErrorReports, type Metrics, type SendEnvelope } from '#platform/telemetry/index.ts';
import type { SecretUsers } from './secret-reload.ts';
import { version } from './version.ts';

/** Returns undefined without `SENTRY_DSN`. */
export function openErrorReports({ errorReports, mode }: Config): ErrorReports | undefined {
  const { dsn, environment = mode } = errorReports;
  if (dsn === undefined) return undefined;
  const origin = { release: version, environment, serverName: hostname() };
  return new ErrorReports({ ...origin, dsn: dsn.dsn, clock: systemClock });
}

export const errorReportTimeoutMs = 5000;
/** Without a time of the service's own. */
const pauseSeconds = 60;

interface ReportDeps {
  readonly config: Config;
  readonly outbound: Outbound;
  readonly metrics: Metrics;
  readonly secretUsers: SecretUsers;
}

/** Reports go through the outbound client, with its circuit. */
export function connectErrorReports(
  reports: ErrorReports,
  { config, outbound, metrics, secretUsers }: ReportDeps,
): void {
  let url = config.errorReports.dsn?.envelopeUrl ?? '';
  secretUsers.add(
    'SENTRY_DSN',
    ({ errorReports }) => errorReports.dsn,
    (now) => {
      url = now.envelopeUrl;
      reports.useDsn(now.dsn);
      return true;
    },
  );
  const send: SendEnvelope = async (body) => {
    const result = await outbound.request({
      purpose: 'error_reports',
      url,
      policy: { allowPrivate: true },
      method: 'POST',
      headers: { 'content-type': 'application/x-sentry-envelope', 'user-agent': `latchkey/${version}` },
      body,
      timeoutMs: errorReportTimeoutMs,
    });
    if (result.kind === 'answered' && result.status < 300) return { kind: 'sent' };
    const asked = result.kind === 'answered' ? Number(result.headers['retry-after']) : Number.NaN;
    return { kind: 'refused', pauseSeconds: asked > 0 && asked <= 3600 ? asked : pauseSeconds };
  };
  reports.connect(send, (count) => metrics.count('telemetry_dropped_total', { signal: 'errors' }, count));
}
