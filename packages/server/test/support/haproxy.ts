import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ListeningProgram, startListening } from './listening-program.ts';
import { providePostgresBinaries } from './postgres-binaries.ts';

/** HAProxy's own check of PostgreSQL finds a server that is up, which a standby and a demoted primary are too. */
const check = (psql: string) => `#!/bin/sh
[ "$(PGCONNECT_TIMEOUT=2 "${psql}" -h "$3" -p "$4" -U latchkey -d postgres -XAtc 'show transaction_read_only')" = off ]
`;

const serverLines = (targets: readonly number[]) =>
  targets.map((target, index) => `  server s${index} 127.0.0.1:${target} check`).join('\n');

const postgresConfiguration = (port: number, script: string, targets: readonly number[]) => `global
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
${serverLines(targets)}
`;

const statisticsPath = '/balancer-statistics';

/** A request is sent to another node only when it could not be sent to the first; connections to the nodes are kept open. */
const httpConfiguration = (port: number, targets: readonly number[]) => `defaults
  mode http
  timeout connect 1s
  timeout check 3s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
  retries 3
  option redispatch 1
listen latchkey
  bind 127.0.0.1:${port}
  balance roundrobin
  option forwardfor
  option httpchk GET /readyz
  http-check expect status 200
  stats uri ${statisticsPath}
  default-server inter 300ms fall 3 rise 1
${serverLines(targets)}
`;

/** Starts HAProxy in front of PostgreSQL servers, where it leads connections to the one that takes writes. */
export function startHaProxy(targets: readonly number[]): Promise<ListeningProgram> {
  return start((port, directory) => {
    const script = join(directory, 'check.sh');
    writeFileSync(script, check(join(providePostgresBinaries(), 'psql')));
    chmodSync(script, 0o755);
    return postgresConfiguration(port, script, targets);
  });
}

/** HAProxy in front of nodes. */
export interface HttpBalancer extends ListeningProgram {
  /** Whether it sends requests to the target with this index. */
  uses(index: number): Promise<boolean>;
}

/** Starts HAProxy in front of nodes on these ports, where it distributes requests over those that are ready. */
export async function startHttpBalancer(targets: readonly number[]): Promise<HttpBalancer> {
  const program = await start((port) => httpConfiguration(port, targets));
  const uses = async (index: number) => {
    const table = await (await fetch(`http://127.0.0.1:${program.port}${statisticsPath};csv`)).text();
    return new RegExp(`^latchkey,s${index},.*,UP,`, 'm').test(table);
  };
  return { port: program.port, uses, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

function start(configure: (port: number, directory: string) => string): Promise<ListeningProgram> {
  return startListening((port, directory) => {
    const file = join(directory, 'haproxy.cfg');
    writeFileSync(file, configure(port, directory));
    return ['haproxy', '-db', '-q', '-f', file];
  });
}
