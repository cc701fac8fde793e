import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { providePostgresBinaries } from './postgres-binaries.ts';
import { eventually } from './wait.ts';

/** A private PostgreSQL in a temporary directory; it stops when the process that started it ends. */
export type PostgresCluster = {
  /** Connection string of one database of the cluster, by TCP on 127.0.0.1. */
  url(database: string): string;
  /** Connection string of the superuser to the database `postgres`. */
  readonly adminUrl: string;
  /** Directory of the Unix socket. */
  readonly socketDirectory: string;
  /** Directory with the space of `smallDiskMegabytes`, which only the server sees; empty after a restart. */
  readonly smallDisk: string;
  /** Process id of the current postmaster. */
  readonly pid: number;
  /** Stops the cluster and deletes its directory. */
  stop(): Promise<void>;
  /** Sends SIGKILL to every process of the server, as a crash does; the data directory stays. */
  kill9(): Promise<void>;
  /**
   * Suspends every process of the server (SIGSTOP): connections stay open and receive nothing, as on a dead network.
   */
  freeze(): void;
  /** Resumes a frozen server. */
  thaw(): void;
  /** Restarts the server on the same data and port; stops it first when it runs. */
  restart(): Promise<void>;
};

export type PostgresOptions = {
  /** true keeps fsync, full-page writes, synchronous commits and autovacuum, for tests of durability and of speed. */
  readonly durable?: boolean;
  /** Further server settings, such as `{ commit_delay: '2000' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Connection string of a running primary: the new cluster is a copy of it and follows it until it is promoted. */
  readonly standbyOf?: string;
  /** Gives the server a directory of this size, which a test can fill. Needs user namespaces, and no root. */
  readonly smallDiskMegabytes?: number;
};

/**
 * Creates and starts a cluster; resolves when it accepts connections.
 *
 * @throws Error with the server's log when PostgreSQL is missing, cannot be installed or does not start.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresCluster> {
  const binaries = providePostgresBinaries();
  const directory = createDirectory();
  const port = await findFreePort();
  const smallDisk = join(directory, 'small');
  const command = [
    ...asServerUser(),
    ...withSmallDisk(smallDisk, options.smallDiskMegabytes),
    ...serverCommand(binaries, directory, port, options),
  ];
  const adminUrl = `postgres://latchkey@127.0.0.1:${port}/postgres`;
  let server = await startServer(command, directory, adminUrl);
  return {
    url: (database) => `postgres://latchkey@127.0.0.1:${port}/${database}`,
    adminUrl,
    socketDirectory: directory,
    smallDisk,
    get pid() {
      return postmasterPid(directory);
    },
    stop: () => endServer(server, 'remove'),
    kill9: async () => {
      signalAll(postmasterPid(directory), 'SIGKILL');
      await eventually(() => hasEnded(directory), { what: 'the killed server is gone' });
    },
    freeze: () => signalAll(postmasterPid(directory), 'SIGSTOP'),
    thaw: () => signalAll(postmasterPid(directory), 'SIGCONT'),
    restart: async () => {
      await endServer(server, 'keep');
      server = await startServer(command, directory, adminUrl);
    },
  };
}

function createDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-postgres-'));
  chmodSync(directory, 0o700);
  const user = serverUser();
  if (user !== undefined) chownSync(directory, user.uid, user.gid);
  return directory;
}

/** PostgreSQL does not run as root; as root, run it as Debian's user `postgres`, else as `nobody`. */
function serverUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  const line = ['postgres:', 'nobody:'].flatMap((name) => lines.filter((entry) => entry.startsWith(name)))[0];
  if (line === undefined)
    throw new Error('PostgreSQL does not run as root, and /etc/passwd has neither postgres nor nobody');
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

/** The command line that runs a program as the user of the server. */
export function asServerUser(): string[] {
  const user = serverUser();
  if (user === undefined) return [];
  return ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--'];
}

/**
 * Root of a user namespace may mount a tmpfs. PostgreSQL rejects root, so it runs in a second namespace, in which it is
 * the user that it is outside.
 */
const mountAndRun = `
disk=$1; megabytes=$2; user=$3; group=$4; shift 4
mkdir -p "$disk" && mount -t tmpfs -o "size=\${megabytes}m,mode=0700" latchkey-test "$disk" || exit
exec unshare --user --map-user="$user" --map-group="$group" "$@"
`;

function withSmallDisk(disk: string, megabytes: number | undefined): string[] {
  if (megabytes === undefined) return [];
  const { uid, gid } = serverUser() ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const values = [disk, megabytes, uid, gid].map(String);
  return ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', mountAndRun, 'sh', ...values];
}

/**
 * initdb, or the copy of the primary, is part of the start, so that the supervisor also cleans up after an end meanwhile.
 * The C locale sorts the same on every machine; `trust` suffices for a server of one test run.
 */
const initializeAndServe = `
binaries=$1; data=$2; primary=$3; shift 3
if [ -d "$data" ]; then :
elif [ -n "$primary" ]; then
  "$binaries/pg_basebackup" -D "$data" -d "$primary" -R -X stream -c fast --no-sync || exit
else
  "$binaries/initdb" -D "$data" -U latchkey \\
    --auth=trust --encoding=UTF8 --locale=C --no-sync --no-instructions || exit
fi
exec "$binaries/postgres" -D "$data" "$@"
`;

async function findFreePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  listener.close();
  await once(listener, 'close');
  if (address === null || typeof address === 'string') throw new Error('the listener has no port');
  return address.port;
}

/**
 * By default a statement is planned anew for each of its first five executions. Tests open hundreds of connections and send each
 * statement a few times, so plans were a fifth of the server's CPU time.
 */
const plannedOnce = { plan_cache_mode: 'force_generic_plan', jit: 'off' };

function serverCommand(binaries: string, directory: string, port: number, options: PostgresOptions): string[] {
  const durability = options.durable === true ? 'on' : 'off';
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: directory,
    max_connections: '300',
    shared_buffers: '64MB',
    fsync: durability,
    full_page_writes: durability,
    synchronous_commit: durability,
    // It visits each database once a minute: with the hundreds of a test run it would start four processes a second.
    autovacuum: durability,
    ...(options.durable === true ? {} : plannedOnce),
    ...options.settings,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ['sh', '-c', initializeAndServe, 'sh', binaries, join(directory, 'data'), options.standbyOf ?? '', ...flags];
}

/**
 * Runs the server until standard input closes, which happens when the test process ends, even by SIGKILL or Ctrl-C.
 * Its own session keeps a terminal's Ctrl-C from interrupting the cleanup.
 * The signal is repeated because a shell starts background programs with SIGINT ignored, until they install a handler.
 * The input `keep` stops the server in order and keeps the data; any other input stops it at once and deletes
 * everything.
 */
const supervisor = `
directory=$1; shift
exec 3<&0
"$@" </dev/null >>"$directory/log" 2>&1 &
server=$!
(
  read -r order <&3
  echo "$order" >"$directory/order"
  [ "$order" = keep ] && signal=INT || signal=QUIT
  until [ -e "$directory/ended" ]; do
    kill -s "$signal" "$server"
    sleep 0.1
  done
) &
reader=$!
wait "$server"
: >"$directory/ended"
wait "$reader"
[ "$(cat "$directory/order")" = keep ] || rm -rf "$directory"
`;

async function startServer(command: readonly string[], directory: string, adminUrl: string): Promise<ChildProcess> {
  rmSync(join(directory, 'ended'), { force: true });
  const server = spawn('sh', ['-c', supervisor, 'sh', directory, ...command], {
    cwd: directory,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // The pipe must not keep a finished test process alive; closing it stops the server.
  server.unref();
  await eventually(() => acceptsConnections(directory, adminUrl), {
    what: 'PostgreSQL accepts connections',
    timeoutMs: 30_000,
  });
  return server;
}

async function acceptsConnections(directory: string, adminUrl: string): Promise<boolean> {
  if (hasEnded(directory)) {
    throw new Error(`PostgreSQL did not start: ${readFileSync(join(directory, 'log'), 'utf8')}`);
  }
  const client = new Client({ connectionString: adminUrl });
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end();
  }
}

async function endServer(server: ChildProcess, directory: 'keep' | 'remove'): Promise<void> {
  if (server.exitCode !== null) return;
  server.ref();
  server.stdin?.end(directory === 'keep' ? 'keep\n' : '\n');
  await once(server, 'exit');
}

function hasEnded(directory: string): boolean {
  return existsSync(join(directory, 'ended'));
}

function postmasterPid(directory: string): number {
  const pid = Number(readFileSync(join(directory, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
  // The file is empty for a moment, and a signal to process 0 would end the test run itself.
  if (!Number.isInteger(pid) || pid <= 0) throw new Error('postmaster.pid names no process');
  return pid;
}

/** A signal to the postmaster alone would let its backends finish and commit their work. */
function signalAll(postmaster: number, signal: NodeJS.Signals): void {
  const children = spawnSync('ps', ['-o', 'pid=', '--ppid', String(postmaster)], { encoding: 'utf8' }).stdout.split(
    '\n',
  );
  process.kill(postmaster, signal);
  for (const child of children.map(Number).filter((pid) => pid > 0)) signalIfAlive(child, signal);
}

function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
