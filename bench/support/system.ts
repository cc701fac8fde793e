/** The system under test: `latchkey serve` in its own process on its own core, with its log in a file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findFreePort } from '../../e2e/support/free-port.ts';
import { highLimits } from '../../packages/server/test/support/high-limits.ts';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { onSystemCore } from './cores.ts';

const root = resolve(import.meta.dirname, '../..');

export interface SystemOptions {
  /** A PostgreSQL; default: the embedded database. */
  readonly databaseUrl?: string;
  readonly dataDirectory: string;
  /** The checkout that the server runs from; by default this one. */
  readonly checkout?: string;
  /** Uses the product's own hash parameters; default: the smallest, to create users quickly. */
  readonly fullHash?: true;
  /** Writes a CPU profile into this directory when the server exits. */
  readonly profileDirectory?: string | undefined;
  /** The address of an OpenTelemetry collector; by default nothing is traced. */
  readonly tracesTo?: string;
  /** Another server of the database runs them, into whose inbox all mail goes. */
  readonly hasNoJobs?: true;
  /** A module of this repository that the server loads first, with the share that it reads from its environment. */
  readonly preload?: { readonly module: string; readonly loss: number } | undefined;
}

export interface System {
  readonly port: number;
  /** The port of the operator's listener. */
  readonly opsPort: number;
  readonly pid: number;
  /** From the start of the process to the first 200 of `/readyz`. */
  readonly startSeconds: number;
  stop(): Promise<void>;
}

/** The servers share one database and therefore its key-encryption key. */
const kek = randomBytes(32).toString('base64');

/** Starts a server and waits until it is ready. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const [port, opsPort] = [await findFreePort(), await findFreePort()];
  mkdirSync(options.dataDirectory, { recursive: true, mode: 0o700 });
  const logPath = join(options.dataDirectory, 'bench.log');
  const log = openSync(logPath, 'a');
  const { checkout = root } = options;
  const serve = ['serve', ...(options.hasNoJobs === true ? ['--no-jobs'] : [])];
  const [file, ...parameters] = onSystemCore([process.execPath, join(checkout, 'bin/latchkey.cjs'), ...serve]);
  const startedMs = performance.now();
  const child = spawn(file, parameters, {
    cwd: checkout,
    env: environment(options, port, opsPort),
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  await eventually(() => isReady(child, port, logPath), { what: 'the server is ready', timeoutMs: 30_000 });
  const startSeconds = (performance.now() - startedMs) / 1000;
  return {
    port,
    opsPort,
    pid: child.pid as number,
    startSeconds,
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
      process.off('exit', end);
    },
  };
}

function environment(options: SystemOptions, port: number, opsPort: number): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => /^(?:PATH|HOME|LANG|TMPDIR)$/.test(name));
  return {
    ...Object.fromEntries(inherited),
    LATCHKEY_PORT: String(port),
    LATCHKEY_HOST: '127.0.0.1',
    LATCHKEY_OPS_PORT: String(opsPort),
    LATCHKEY_DATA_DIR: options.dataDirectory,
    LATCHKEY_LOG_LEVEL: 'info',
    // As in production: development formats the lines for people.
    LATCHKEY_LOG_FORMAT: 'json',
    ...highLimits,
    LATCHKEY_KEK: kek,
    ...(options.databaseUrl !== undefined && { DATABASE_URL: options.databaseUrl }),
    ...(options.fullHash !== true && { LATCHKEY_ARGON2_MEMORY_KIB: '8', LATCHKEY_ARGON2_TIME: '1' }),
    ...(options.tracesTo !== undefined && { OTEL_EXPORTER_OTLP_ENDPOINT: options.tracesTo }),
    ...(options.preload !== undefined && {
      NODE_OPTIONS: `--import=${pathToFileURL(join(root, options.preload.module)).href}`,
      BENCH_PLANTED_LOSS: String(options.preload.loss),
    }),
    ...(options.profileDirectory !== undefined && {
      NODE_OPTIONS: `--cpu-prof --cpu-prof-interval=200 --cpu-prof-dir=${options.profileDirectory}`,
    }),
  };
}

function isReady(child: ChildProcess, port: number, logPath: string): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`the server exited: ${readFileSync(logPath, 'utf8')}`);
  return new Promise((resolveReady) => {
    const probe = request({ port, host: '127.0.0.1', path: '/readyz', agent: false }, (response) => {
      response.resume();
      resolveReady(response.statusCode === 200);
    });
    // The server is not listening yet.
    probe.on('error', () => resolveReady(false));
    probe.end();
  });
}
