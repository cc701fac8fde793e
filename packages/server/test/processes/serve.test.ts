/** `serve` and `work` in the process of the test: what they open, print and close. Signals belong to the journeys. */
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCommand } from '#app/cli/run-command.ts';
import { OperatorError } from '#app/operator-error.ts';
import { ProcessEnd } from '#app/process-end.ts';
import { loadConfig } from '#config/index.ts';
import type { CommandIo } from '#platform/control-socket/index.ts';
import { cloneDatabase } from '#test/support/postgres.ts';
import { eventually } from '#test/support/wait.ts';
import { findFreePort } from '../../../../e2e/support/free-port.ts';
import type { Settings } from '../../../../e2e/support/program.ts';
import { makeDirectory, settingsOf } from '../../../../e2e/support/server.ts';
import { type SmtpSink, startSmtpSink } from '../../../../e2e/support/smtp-sink.ts';

/** A command that runs until its end is requested. */
interface Running {
  readonly output: { out: string; err: string };
  readonly end: ProcessEnd;
  /** Its exit code. */
  readonly code: Promise<number>;
}

describe('a command that serves until it is stopped', () => {
  const started: Running[] = [];
  let directory: string;
  let sink: SmtpSink;
  let port: number;
  let opsPort: number;

  beforeEach(async () => {
    directory = makeDirectory();
    sink = await startSmtpSink();
    port = await findFreePort();
    opsPort = await findFreePort();
  });

  afterEach(async () => {
    for (const { end, code } of started.splice(0)) {
      end.request({ reason: 'the test is over', exitCode: 0, isOrderly: true });
      await code;
    }
    vi.unstubAllEnvs();
    await sink.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function settings(kind: 'postgres' | 'embedded', env: Settings = {}): Promise<Settings> {
    const database = kind === 'postgres' ? await cloneDatabase() : 'embedded';
    const own = { LATCHKEY_OPS_PORT: String(opsPort), LATCHKEY_DRAIN_SECONDS: '1', ...env };
    return settingsOf({ database, env: own }, directory, port);
  }

  function start(argv: readonly string[], env: Settings): Running {
    const output = { out: '', err: '' };
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
      readSecret: async () => undefined,
      readInput: async () => undefined,
    };
    const end = new ProcessEnd();
    const load = async () => {
      const loaded = await loadConfig({ env, files: () => ({ kind: 'absent' }), cwd: '/' });
      if (loaded.kind === 'ok') return loaded.config;
      throw new OperatorError(loaded.mistakes.join('\n'), 78);
    };
    const running = { output, end, code: runCommand({ argv, io, loadConfig: load, end }) };
    started.push(running);
    return running;
  }

  const printed = ({ output }: Running, text: string) =>
    eventually(() => output.out.includes(text) || output.err !== '', {
      what: `"${text}" is printed`,
      timeoutMs: 60_000,
    });
  const ops = (path: string) => fetch(`http://127.0.0.1:${opsPort}${path}`);
  // A check of a readiness may take longer than its second while the machine starts other servers.
  const isReady = (of: number) =>
    eventually(async () => (await fetch(`http://127.0.0.1:${of}/readyz`)).status === 200, { what: 'it is ready' });
  const stop = ({ end }: Running) => end.request({ reason: 'the test', exitCode: 0, isOrderly: true });

  it('serves with the embedded database and its inbox, and closes every listener', async () => {
    const server = start(['serve'], await settings('embedded'));
    await printed(server, 'is listening');
    expect(server.output).toMatchObject({ err: '', out: expect.stringContaining('/dev/inbox') });
    await isReady(port);
    expect((await ops('/metrics')).status).toBe(200);
    stop(server);
    expect(await server.code).toBe(0);
    for (const closed of [port, opsPort]) await expect(fetch(`http://127.0.0.1:${closed}/livez`)).rejects.toThrow();
  });

  it('runs jobs alone, without the public listener', async () => {
    const worker = start(['work'], await settings('postgres', { SMTP_URL: sink.url }));
    await printed(worker, 'is running jobs');
    await isReady(opsPort);
    await expect(fetch(`http://127.0.0.1:${port}/livez`)).rejects.toThrow();
    stop(worker);
    expect(await worker.code).toBe(0);
  });

  it('does not run jobs alone without a mail server, whose inbox would be another process', async () => {
    const worker = start(['work'], await settings('postgres'));
    expect(await worker.code).toBe(78);
    expect(worker.output).toMatchObject({ out: '', err: expect.stringContaining('needs SMTP_URL') });
  });

  it('serves with several processes behind one port, and one listener for the operator', async () => {
    const env = await settings('postgres', { SMTP_URL: sink.url, LATCHKEY_SHUTDOWN_DELAY_SECONDS: '1' });
    // The forked processes read the settings themselves.
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const server = start(['serve', '--processes', '2'], env);
    await printed(server, 'is listening');
    expect(server.output.err).toBe('');
    await isReady(opsPort);
    const { status, checks } = (await (await ops('/readyz?verbose')).json()) as { status: string; checks: object };
    expect({ status, checks }).toEqual({ status: 'ready', checks: { process: 'ok', processes: 'ok', restarts: 'ok' } });
    expect(await (await ops('/metrics')).text()).toContain('\nserving_processes 2\n');
    await isReady(port);
    stop(server);
    await eventually(async () => (await ops('/readyz')).status === 503, { what: 'the readiness is red' });
    expect(await server.code).toBe(0);
    for (const closed of [port, opsPort]) await expect(fetch(`http://127.0.0.1:${closed}/livez`)).rejects.toThrow();
  });

  it.each([
    ['the embedded database', 'embedded', 'needs DATABASE_URL'],
    ['the built-in inbox', 'postgres', 'needs SMTP_URL'],
  ] as const)('does not serve with several processes and %s, which they cannot share', async (_, kind, sentence) => {
    const server = start(['serve', '--processes', '2'], await settings(kind));
    expect(await server.code).toBe(78);
    expect(server.output).toMatchObject({ out: '', err: expect.stringContaining(sentence) });
  });

  it('reports the start that failed in a process of several as its own', async () => {
    const env = await settings('postgres', { SMTP_URL: sink.url });
    for (const [name, value] of Object.entries({ ...env, LATCHKEY_ARGON2_TIME: 'never' })) vi.stubEnv(name, value);
    const server = start(['serve', '--processes', '2'], env);
    expect(await server.code).toBe(78);
    expect(server.output).toMatchObject({ out: '', err: expect.stringContaining('LATCHKEY_ARGON2_TIME') });
  });
});
