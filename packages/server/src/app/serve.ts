/** `latchkey serve` and `latchkey work`: a process that runs until a signal stops it. */
import type { Readiness } from '#flows/probes/index.ts';
import { createLogger, type Metrics, type ReportedLine } from '#platform/telemetry/index.ts';
import { applyProviderSettings } from './apply-settings.ts';
import { banner } from './banner.ts';
import type { ProcessContext } from './cli/command.ts';
import { listenForControl } from './control.ts';
import { connectErrorReports, openErrorReports } from './error-reports.ts';
import { boundHeapGrowth } from './heap-growth.ts';
import { logWarnings, runUntilStopped } from './lifecycle.ts';
import { OperatorError } from './operator-error.ts';
import { lowerPoolThreads } from './pool-threads.ts';
import { startProfilePush } from './profile-push.ts';
import { type Roles, run } from './running.ts';
import { SecretReload, SecretUsers } from './secret-reload.ts';
import { version } from './version.ts';
import { wire } from './wiring.ts';

type OnServing = (readiness: Readiness, metrics: Metrics) => void;

/** Serves until a signal; returns the exit code. One process of several calls `onServing` instead of printing the banner. */
export async function serve(context: ProcessContext, roles: Roles, onServing?: OnServing): Promise<number> {
  const { config, loadConfig, io, runCommand, end } = context;
  if (!roles.http && config.mail.smtp === undefined) {
    throw new OperatorError('"latchkey work" needs SMTP_URL: the built-in inbox lives in the serving process.', 78);
  }
  const reports = openErrorReports(config);
  const onError = reports === undefined ? undefined : (line: ReportedLine) => reports.capture(line);
  const sharesOutput = onServing !== undefined;
  const logger = createLogger({ ...config.log, service: 'latchkey', version, sharesOutput, onError });
  if (onServing === undefined) logWarnings(config, logger);
  return runUntilStopped({ config, logger, end }, async ({ resources, lifecycle }) => {
    if (reports !== undefined) resources.add('error reports', () => reports.close());
    const secretUsers = new SecretUsers(config);
    const existing = !roles.http;
    const services = await wire(config, { logger, resources, secretUsers, existing, exportsTelemetry: true });
    if (reports !== undefined) connectErrorReports(reports, services);
    startProfilePush(services);
    await applyProviderSettings(services);
    lowerPoolThreads();
    const readiness = await run(services, { roles, lifecycle, isOneOfSeveral: onServing !== undefined });
    boundHeapGrowth();
    await listenForControl(services, runCommand);
    lifecycle.serve();
    const reload = new SecretReload({ users: secretUsers, logger, loadConfig });
    end.onReload(() => void reload.request());
    if (onServing === undefined) io.out(banner(config, roles));
    else onServing(readiness, services.metrics);
  });
}
