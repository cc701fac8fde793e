/** The image of deploy/Dockerfile, built on local bases, runs read-only as uid 65532 without capabilities or a shell: its commands, a journey from registration to logout, and a stop by SIGTERM succeed; it has the packages of the SBOM and no other. */
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { client, dataOf, problemOf } from '../../e2e/support/client.ts';
import { findFreePort } from '../../e2e/support/free-port.ts';
import { awaitLink, tokenOf } from '../../e2e/support/inbox.ts';
import { type SmtpSink, startSmtpSink } from '../../e2e/support/smtp-sink.ts';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { makeSbom } from '../bill-of-materials.ts';
import { buildImage, ContainerStorage, compressedBytes, type Result } from './support/container-image.ts';
import { provideDatabase } from './support/provide-database.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const user = 65_532;
/** Without them the container would need CAP_SYS_RESOURCE for the defaults. */
const limits = ['--ulimit', 'nofile=20000:20000', '--ulimit', 'nproc=1024:1024'];
const hardening = [
  '--read-only',
  '--cap-drop',
  'all',
  '--security-opt',
  'no-new-privileges',
  '--tmpfs',
  '/tmp:size=16m',
];
const rows: [what: string, value: string, holds: boolean][] = [];

/** The confinement of a process in the container, as it sees it itself. */
const inspection = `
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const write = (path) => { try { writeFileSync(path, ''); return 'written'; } catch (error) { return error.code; } };
const status = Object.fromEntries(readFileSync('/proc/self/status', 'utf8').split('\\n').map((line) => line.split(':\\t')));
console.log(JSON.stringify({
  uid: process.getuid(), gid: process.getgid(), capabilities: status.CapBnd, noNewPrivileges: status.NoNewPrivs,
  image: write('/app/file'), root: write('/file'), data: write('/data/file'),
  program: require('/app/bin/find-program.cjs').findProgram(),
  shells: ['/bin/sh', '/bin/bash', '/usr/bin/sh', '/usr/bin/apt', '/usr/bin/npm'].filter(existsSync),
}));`;

/** Names and versions of the packages below a directory. */
const inventory = `
const { existsSync, readdirSync, readFileSync } = require('node:fs');
const found = [];
const walk = (directory) => {
  for (const name of readdirSync(directory).filter((each) => !each.startsWith('.'))) {
    const path = directory + '/' + name;
    if (name.startsWith('@')) { walk(path); continue; }
    if (existsSync(path + '/package.json')) {
      const { name: own, version } = JSON.parse(readFileSync(path + '/package.json', 'utf8'));
      found.push(own + '@' + version);
    }
    if (existsSync(path + '/node_modules')) walk(path + '/node_modules');
  }
};
walk('/app/node_modules');
console.log(JSON.stringify(found));`;

await using storage = new ContainerStorage();
await using database = await provideDatabase();
const sink = await startSmtpSink();
const directory = mkdtempSync(join(tmpdir(), 'latchkey-image-'));
const image = buildImage(storage);
const port = await findFreePort();
const opsPort = await findFreePort();
writeSecrets(sink, database.url);
const run = ['--no-healthcheck', ...limits, ...hardening, '--network', 'host', ...settings()];

const compressed = compressedBytes(storage, image);
note('size on disk', `${megabytes(Number(await inspectImage('{{.Size}}')))} MB`, true);
note('compressed', `${megabytes(compressed)} MB`, compressed < 110e6);
expectEqual('user of the image', await inspectImage('{{.Config.User}}'), '65532:65532');
const healthCheck = '[CMD /usr/local/bin/node /app/bin/health.cjs]';
expectEqual('health check', await inspectImage('{{.Config.Healthcheck.Test}}'), healthCheck);
noteCode('config check', await command('config', 'check'));
noteCode('serve before the schema exists: 78', await command('serve'), 78);
noteCode('migrate up', await command('migrate', 'up'));
await serve();
await compareInventory();
await sink.close();
rmSync(directory, { recursive: true, force: true });

const table = rows.map(([what, value, holds]) => [what, value, holds ? 'yes' : 'NO']);
for (const line of tableLines(['what', 'value', 'holds'], table)) console.log(line);
process.exitCode = rows.every(([, , holds]) => holds) ? 0 : 1;

async function serve(): Promise<void> {
  const startMs = performance.now();
  const started = await storage.podman('run', '--detach', ...run, image);
  if (started.code !== 0) throw new Error(started.stderr);
  const container = started.stdout.trim();
  const url = `http://127.0.0.1:${port}`;
  try {
    await eventually(() => isReady(url), { what: 'the container is ready', timeoutMs: 60_000 });
  } catch (error) {
    throw new Error((await storage.podman('logs', container)).stdout, { cause: error });
  }
  note('from "podman run" to ready', `${((performance.now() - startMs) / 1000).toFixed(1)} s`, true);
  noteCode('health check while it serves', await inside(container, '/app/bin/health.cjs'));
  const confinement = JSON.parse((await inside(container, '-e', inspection)).stdout) as Record<string, unknown>;
  expectEqual('uid and gid', [confinement.uid, confinement.gid], [user, user]);
  expectEqual('capabilities', confinement.capabilities, '0000000000000000');
  expectEqual('no new privileges', confinement.noNewPrivileges, '1');
  expectEqual('writes to the image', [confinement.image, confinement.root], ['EROFS', 'EROFS']);
  expectEqual('writes to /data', confinement.data, 'written');
  expectEqual('shells and package managers', confinement.shells, []);
  const program = String(confinement.program);
  note('program', program, program.startsWith('/app/packages/server/dist/'));
  await journey(url);
  noteCode('doctor', await inside(container, '--disable-sigusr1', '/app/bin/latchkey.cjs', 'doctor'));
  const stopMs = performance.now();
  await storage.podman('kill', '--signal', 'TERM', container);
  const health = await eventually(() => failingHealth(container), { what: 'the health check fails after SIGTERM' });
  note('health check after SIGTERM', health, true);
  const code = (await storage.podman('wait', container)).stdout.trim();
  expectEqual('exit code after SIGTERM', code, '0');
  note('from SIGTERM to the end', `${((performance.now() - stopMs) / 1000).toFixed(1)} s`, true);
}

async function journey(url: string): Promise<void> {
  const [email, password] = ['ada@example.com', 'correct horse battery'];
  const api = client(url);
  dataOf(await api.register({ email, password }));
  dataOf(await api.verify(tokenOf(await awaitLink(async () => sink.acceptedFor(email), '/verify-email'))));
  const first = dataOf(await api.login(email, password));
  dataOf(await api.session(first.accessToken));
  const { accessToken } = dataOf(await api.refresh(first.refreshToken));
  dataOf(await api.me(accessToken));
  dataOf(await api.logout(accessToken));
  expectEqual('journey; the session after the logout', problemOf(await api.session(accessToken)), 'not_authenticated');
}

/** Readiness is the first thing that ends, so that the container is still there. */
async function failingHealth(container: string): Promise<string | undefined> {
  const { code, stderr } = await inside(container, '/app/bin/health.cjs');
  return code === 1 ? stderr.trim() : undefined;
}

/** The SBOM has the packages of every platform; Node.js itself is in the image as a binary. */
async function compareInventory(): Promise<void> {
  const sbom = JSON.parse(makeSbom('cyclonedx')) as {
    readonly specVersion: string;
    readonly components: readonly { readonly name: string; readonly version: string; readonly scope?: string }[];
  };
  const components = sbom.components.filter(({ name }) => name !== 'server');
  const entry = ['--rm', ...run, '--entrypoint', '/usr/local/bin/node', image, '-e', inventory];
  const installed = JSON.parse((await storage.podman('run', ...entry)).stdout) as readonly string[];
  const named = components.map(({ name, version, scope }) => ({ id: `${name}@${version}`, scope }));
  const unlisted = installed.filter((id) => !id.startsWith('@latchkey/') && !named.some((each) => each.id === id));
  const missing = named.filter(({ id, scope }) => scope !== 'optional' && !installed.includes(id));
  note(
    `SBOM, CycloneDX ${sbom.specVersion}`,
    `${components.length} components`,
    components.length >= installed.length - 1,
  );
  expectEqual(`of ${installed.length} packages in the image, those that the SBOM lacks`, unlisted, []);
  const what = 'packages of the SBOM that the image lacks';
  expectEqual(
    `${what}, other platforms excepted`,
    missing.map(({ id }) => id),
    [],
  );
}

function settings(): string[] {
  const env = {
    LATCHKEY_HOST: '127.0.0.1',
    LATCHKEY_PORT: String(port),
    LATCHKEY_OPS_HOST: '127.0.0.1',
    LATCHKEY_OPS_PORT: String(opsPort),
    LATCHKEY_PUBLIC_URL: 'https://auth.example.com',
    LATCHKEY_KEK_FILE: '/run/secrets/kek',
    DATABASE_URL_FILE: '/run/secrets/database-url',
    SMTP_URL_FILE: '/run/secrets/smtp-url',
  };
  const volumes = [`${join(directory, 'secrets')}:/run/secrets:ro`, `${join(directory, 'data')}:/data`];
  return [
    ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...volumes.flatMap((volume) => ['--volume', volume]),
  ];
}

function writeSecrets({ url }: SmtpSink, databaseUrl: string): void {
  const secrets = { kek: randomBytes(32).toString('base64'), 'database-url': databaseUrl, 'smtp-url': url };
  chmodSync(directory, 0o755);
  for (const name of ['secrets', 'data']) {
    mkdirSync(join(directory, name), { mode: 0o700 });
    chownSync(join(directory, name), user, user);
  }
  for (const [name, value] of Object.entries(secrets)) {
    const path = join(directory, 'secrets', name);
    writeFileSync(path, `${value}\n`, { mode: 0o400 });
    chownSync(path, user, user);
  }
}

function command(...parameters: readonly string[]): Promise<Result> {
  return storage.podman('run', '--rm', ...run, image, ...parameters);
}

function inside(container: string, ...parameters: readonly string[]): Promise<Result> {
  return storage.podman('exec', container, '/usr/local/bin/node', ...parameters);
}

async function inspectImage(format: string): Promise<string> {
  return (await storage.podman('image', 'inspect', image, '--format', format)).stdout.trim();
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).status === 200;
  } catch (error) {
    // It does not listen yet.
    if (error instanceof TypeError) return false;
    throw error;
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function note(what: string, value: string, holds: boolean): void {
  rows.push([what, value, holds]);
}

function noteCode(what: string, { code, stdout, stderr }: Result, expected = 0): void {
  const isExpected = code === expected;
  note(what, isExpected ? `exit code ${code}` : `exit code ${code}: ${stdout}${stderr}`, isExpected);
}

function expectEqual(what: string, actual: unknown, expected: unknown): void {
  const [found, wanted] = [actual, expected].map((value) => JSON.stringify(value));
  note(what, found === wanted ? String(found) : `${found}, not ${wanted}`, found === wanted);
}
