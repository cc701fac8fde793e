/** A serving process as a value: everything that `serve` starts, and every command over its control socket. */
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { banner } from '#app/banner.ts';
import { runCommand } from '#app/cli/run-command.ts';
import { listenForControl } from '#app/control.ts';
import { Lifecycle } from '#app/lifecycle.ts';
import { run } from '#app/running.ts';
import { type Services, wire } from '#app/wiring.ts';
import { type Config, loadConfig } from '#config/index.ts';
import type { CommandIo } from '#platform/control-socket/index.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { findFreePort } from '../../../../e2e/support/free-port.ts';
import { settingsOf } from '../../../../e2e/support/server.ts';
import { copyEmbedded } from '../support/embedded-template.ts';
import { table } from './table.ts';

const components = { http: true, jobs: true };

let directory: string;
let config: Config;
let services: Services;
const lifecycle = new Lifecycle();

beforeAll(async () => {
  directory = await copyEmbedded();
  const env = { LATCHKEY_OPS_PORT: String(await findFreePort()) };
  const settings = settingsOf({ database: 'embedded', env }, directory, await findFreePort());
  const loaded = await loadConfig({ env: settings, files: () => ({ kind: 'absent' }), cwd: directory });
  if (loaded.kind !== 'ok') throw new Error(loaded.mistakes.join('\n'));
  config = loaded.config;
  const destination = { write: () => undefined };
  const logger = createLogger({ level: 'silent', service: 'test', version: '0', destination });
  services = await wire(config, { logger });
  await run(services, { roles: components, lifecycle, isOneOfSeveral: false });
  await listenForControl(services, runCommand);
  lifecycle.serve();
});

afterAll(async () => {
  await services.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Runs a command in this process; because the directory is locked, it goes over the control socket. */
async function runInProcess(argv: readonly string[], input?: string, typed: readonly string[] = []) {
  const output = { out: '', err: '', prompts: [] as string[] };
  const secrets = [...typed];
  const io: CommandIo = {
    isTerminal: false,
    columns: undefined,
    out: (text) => {
      output.out += text;
    },
    err: (text) => {
      output.err += text;
    },
    drained: async () => undefined,
    readSecret: async (prompt) => {
      output.prompts.push(prompt);
      return secrets.shift();
    },
    readInput: async () => input,
  };
  const code = await runCommand({ argv, io, loadConfig: async () => config });
  return { code, ...output };
}

describe('a serving process', () => {
  it('runs every command of the table over its control socket', async () => {
    for (const { command, argv = [], input, exit = 0, output } of table) {
      const ran = await runInProcess([...command.split(' '), ...argv], input);
      const [code, expected] = [
        typeof exit === 'number' ? exit : exit['server up, embedded'],
        output instanceof RegExp ? output : output['server up, embedded'],
      ];
      expect(ran.code, `${command} ${argv.join(' ')}\n${ran.out}${ran.err}`).toBe(code);
      expect((code === 0 ? ran.out : ran.err).trimEnd()).toMatch(expected);
    }
  });

  it('shows the rule for a password, and asks again after a typing error and a rejected password', async () => {
    const create = ['user', 'create', '--email', 'typist@people.example', '--name', 'Typist'];
    const good = 'a long and winding road';
    const ran = await runInProcess(create, undefined, [good, 'a typing error', 'short', 'short', good, good]);
    expect(ran.code, ran.err).toBe(0);
    expect(ran.prompts.filter((prompt) => prompt === 'Password (at least 12 characters): ')).toHaveLength(3);
    expect(ran.err).toMatch(/^The passwords do not match\. Try again\.\n.+12.+ Try again\.\n$/);
    const never = Array.from({ length: 6 }, () => 'short');
    const rejected = await runInProcess(create.with(3, 'other@people.example'), undefined, never);
    expect([rejected.code, rejected.prompts.length]).toEqual([2, 6]);
  });

  it('refuses to start a second server in the same process', async () => {
    const ran = await runInProcess(['serve']);
    expect(ran.code).not.toBe(0);
    expect(ran.err.trimEnd().split('\n')).toHaveLength(1);
  });

  it('prints its addresses and the limits of the embedded database on one screen', () => {
    const screen = banner(config, components);
    for (const line of [
      '/api/v1',
      '/docs',
      '/dev/inbox',
      '/metrics',
      'admin create',
      'survives a crash of the process',
    ]) {
      expect(screen).toContain(line);
    }
    expect(banner(config, { http: false, jobs: true })).toContain('is running jobs');
  });

  it('exports cache, feed and queue metrics', async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${config.ops.port}/metrics`)).text();
    for (const name of [
      'session_cache_hits_total',
      'session_cache_misses_total',
      'revocation_feed_age_seconds',
      'password_hash_queue_depth',
      'db_query_duration_seconds_count',
    ]) {
      expect(metrics).toMatch(new RegExp(`^${name}`, 'm'));
    }
  });

  it('becomes unready before its listeners close, and can be closed twice', async () => {
    const ready = (port: number) => fetch(`http://127.0.0.1:${port}/readyz?verbose`);
    expect((await ready(config.http.port)).status).toBe(200);
    const request = { reason: 'SIGTERM', exitCode: 0, isOrderly: true };
    await lifecycle.stop(request, { ...config.http, shutdownDelaySeconds: 0 });
    const answer = await ready(config.http.port);
    expect([answer.status, answer.headers.get('connection')]).toEqual([503, 'close']);
    expect(await (await ready(config.ops.port)).json()).toMatchObject({ checks: { process: 'stopping' } });
    await Promise.all([services.close(), services.close()]);
    await expect(ready(config.http.port)).rejects.toThrow('fetch failed');
    await expect(ready(config.ops.port)).rejects.toThrow('fetch failed');
  });
});
