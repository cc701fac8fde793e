/**
 * `serve --processes N`: a parent that supervises, and N serving processes that share the public port and nothing else. They
 * are independent nodes, like processes on several machines, and need no further coordination.
 */
import type { Config } from '#config/index.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { banner } from '../banner.ts';
import type { ProcessContext } from '../cli/command.ts';
import { type Life, logWarnings, runUntilStopped } from '../lifecycle.ts';
import { OperatorError } from '../operator-error.ts';
import type { Roles } from '../running.ts';
import { version } from '../version.ts';
import { buildOperatorServer, probePublicPort } from './operator-server.ts';
import { Supervisor } from './supervisor.ts';

/** A process needs that much after its grace period, at most, before the parent kills it. */
const afterGraceMs = 20_000;

/** Serves with several processes until a signal; returns the exit code. */
export async function supervise(count: number, roles: Roles, context: ProcessContext): Promise<number> {
  const { config, end, io } = context;
  rejectUnshareable(config);
  const logger = createLogger({ ...config.log, service: 'latchkey', version, sharesOutput: true });
  logWarnings(config, logger);
  return runUntilStopped({ config, logger, end }, async ({ resources, lifecycle }: Life) => {
    const port = await probePublicPort(config, logger);
    const supervisor = new Supervisor({
      count,
      share: { port, jobs: roles.jobs, hashConcurrency: shareOf(config.passwords.hashConcurrency, count) },
      logger,
      onGiveUp: (error) =>
        end.request({ reason: 'the serving processes', exitCode: error.exitCode, isOrderly: false, error }),
    });
    const server = await buildOperatorServer({ config, logger, lifecycle, supervisor, count });
    const settings = { hosts: 'LATCHKEY_OPS_HOST', port: 'LATCHKEY_OPS_PORT' };
    await server.listen({ hosts: [config.ops.host], port: config.ops.port, settings });
    resources.add("the operator's listener", () => server.close({ graceMs: 0 }));
    const limitMs = (config.http.shutdownDelaySeconds + config.http.drainSeconds) * 1000 + afterGraceMs;
    resources.add(
      'the serving processes',
      () => supervisor.stop(limitMs),
      () => limitMs + afterGraceMs,
    );
    // The processes wait for load balancers themselves, at the same time as the parent.
    lifecycle.onStopping(() => supervisor.beginStop());
    await supervisor.start();
    lifecycle.serve();
    end.onReload(() => supervisor.reload());
    io.out(banner(config, roles));
  });
}

function shareOf(hashConcurrency: number, count: number): number {
  return Math.max(1, Math.floor(hashConcurrency / count));
}

function rejectUnshareable(config: Config): void {
  if (config.database.kind === 'embedded') {
    throw new OperatorError(
      '--processes needs DATABASE_URL, because only one process can open the embedded database.',
      78,
    );
  }
  if (config.mail.smtp === undefined) {
    throw new OperatorError('--processes needs SMTP_URL, because each process would have an inbox of its own.', 78);
  }
}
