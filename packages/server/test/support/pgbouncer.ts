import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { provideProgram } from './debian-packages.ts';
import { type ListeningProgram, startListening } from './listening-program.ts';
import { asServerUser } from './postgres-cluster.ts';

const pgbouncer = {
  name: 'pgbouncer',
  need: 'These tests need PgBouncer (Debian: apt-get install pgbouncer).',
} as const;

const configuration = (port: number, target: number) => `[databases]
* = host=127.0.0.1 port=${target} user=latchkey
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = 500
default_pool_size = 40
`;

/** Starts PgBouncer in transaction mode in front of a test's PostgreSQL on this port; not as root, which it refuses. */
export function startPgBouncer(target: number): Promise<ListeningProgram> {
  const program = provideProgram('pgbouncer', pgbouncer);
  return startListening((port, directory) => {
    const file = join(directory, 'pgbouncer.ini');
    writeFileSync(file, configuration(port, target));
    return [...asServerUser(), program, '-q', file];
  });
}
