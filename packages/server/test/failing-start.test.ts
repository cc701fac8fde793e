/** Fails each step of the start, in one process, and looks for what is left open. */
import { describe, expect, it } from 'vitest';
import { Lifecycle } from '#app/lifecycle.ts';
import { OpenResources } from '#app/open-resources.ts';
import { run } from '#app/running.ts';
import { wire } from '#app/wiring.ts';
import { type Config, loadConfig } from '#config/index.ts';
import { createLogger, type Logger } from '#platform/telemetry/index.ts';
import { cloneDatabase } from '#test/support/postgres.ts';
import { eventually } from '#test/support/wait.ts';
import { findFreePort } from '../../../e2e/support/free-port.ts';
import { makeDirectory, settingsOf } from '../../../e2e/support/server.ts';

/** The names of what was opened and closed. A start that opens `failing` throws right after it. */
class Steps {
  readonly opened: string[] = [];
  readonly closed: string[] = [];
  readonly warnings: string[] = [];
  readonly logger: Logger;

  constructor(failing: string | undefined) {
    const write = (line: string) => {
      const { msg, detail, level } = JSON.parse(line) as Record<string, string>;
      if (level === 'warn') this.warnings.push(`${msg}: ${detail}`);
      if (msg === 'closed') this.closed.push(detail ?? '');
      if (msg !== 'opened') return;
      this.opened.push(detail ?? '');
      if (detail === failing) throw new Error(`fails after ${detail}`);
    };
    this.logger = createLogger({ level: 'debug', service: 'test', version: '0', destination: { write } });
  }
}

async function start(config: Config, failing?: string): Promise<Steps> {
  const steps = new Steps(failing);
  const resources = new OpenResources(steps.logger);
  const lifecycle = new Lifecycle();
  try {
    const services = await wire(config, { logger: steps.logger, resources });
    await run(services, { roles: { http: true, jobs: true }, lifecycle, isOneOfSeveral: false });
  } catch (error) {
    expect((error as Error).message).toBe(`fails after ${failing}`);
  } finally {
    await resources.close();
  }
  return steps;
}

async function configOf(kind: 'postgres' | 'embedded'): Promise<Config> {
  const env = {
    LATCHKEY_OPS_PORT: String(await findFreePort()),
    ...(kind === 'postgres' && { REDIS_URL: `redis://127.0.0.1:${await findFreePort()}` }),
  };
  const database = kind === 'postgres' ? await cloneDatabase() : 'embedded';
  const settings = settingsOf({ database, env }, makeDirectory(), await findFreePort());
  const loaded = await loadConfig({ env: settings, files: () => ({ kind: 'absent' }), cwd: '/' });
  if (loaded.kind !== 'ok') throw new Error(loaded.mistakes.join('\n'));
  return loaded.config;
}

/** The steps that only the embedded database has. */
const isEmbedded = (step: string) => ['the data directory', 'the database'].includes(step);

/** Timers, sockets and servers of this process that would keep it running. */
function openHandles(): number {
  return process.getActiveResourcesInfo().filter((name) => /^(TCP|Pipe|Timeout|Immediate)/.test(name)).length;
}

describe.each(['postgres', 'embedded'] as const)('a start that fails after any of its steps (%s)', (kind) => {
  it('closes what it opened, once and in reverse order, and leaves nothing open', async () => {
    const config = await configOf(kind);
    const whole = await start(config);
    expect(whole.opened.length).toBeGreaterThan(kind === 'postgres' ? 9 : 8);
    expect(whole.closed).toEqual(whole.opened.toReversed());
    const before = openHandles();
    // A start on the embedded database takes a second; most of its steps are those of PostgreSQL.
    for (const failing of kind === 'postgres' ? whole.opened : whole.opened.filter(isEmbedded)) {
      const { opened, closed, warnings } = await start(config, failing);
      expect(opened).toEqual(whole.opened.slice(0, whole.opened.indexOf(failing) + 1));
      expect(closed).toEqual(opened.toReversed());
      expect(warnings.filter((each) => each.startsWith('a shutdown step'))).toEqual([]);
      await eventually(() => openHandles() <= before, { what: `nothing is open after ${failing}` });
    }
  });
});
