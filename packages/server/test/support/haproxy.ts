import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '../../../../e2e/support/free-port.ts';
import { providePostgresBinaries } from './postgres-binaries.ts';
import { eventually } from './wait.ts';

/** HAProxy in front of PostgreSQL servers, which leads connections to the one that takes writes. */
export interface HaProxy extends AsyncDisposable {
  readonly port: number;
}

/** HAProxy's own check of PostgreSQL finds a server that is up, which a standby and a demoted primary are too. */
const check = (psql: string) => `#!/bin/sh
[ "$(PGCONNECT_TIMEOUT=2 "${psql}" -h "$3" -p "$4" -U latchkey -d postgres -XAtc 'show transaction_read_only')" = off ]
`;

function configuration(port: number, script: string, targets: readonly number[]): string {
  const servers = targets.map((target, index) => `  server s${index} 127.0.0.1:${target} check`);
  return `global
  external-check
  insecure-fork-wanted
defaults
  mode tcp
  timeout connect 1s
  timeout check 3s
  timeout client 1h
  timeout server 1h
listen postgresql
  bind 127.0.0.1:${port}
  option external-check
  external-check path "/usr/bin:/bin"
  external-check command ${script}
  default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
${servers.join('\n')}
`;
}

/** Starts HAProxy; resolves when it accepts connections. */
export async function startHaProxy(targets: readonly number[]): Promise<HaProxy> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-haproxy-'));
  const port = await findFreePort();
  const script = join(directory, 'check.sh');
  const file = join(directory, 'haproxy.cfg');
  writeFileSync(script, check(join(providePostgresBinaries(), 'psql')));
  chmodSync(script, 0o755);
  writeFileSync(file, configuration(port, script, targets));
  const child = spawn('haproxy', ['-db', '-q', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const isServing = async () => {
    if (child.exitCode !== null) throw new Error(`haproxy ended with ${child.exitCode}`);
    return takesConnections(port);
  };
  await eventually(isServing, { what: 'HAProxy accepts connections' });
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      process.off('exit', kill);
      const ended = once(child, 'exit');
      kill();
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    // Not listening yet.
    return false;
  } finally {
    socket.destroy();
  }
}
