/**
 * The image of `deploy/Dockerfile`, built by buildah on bases from the packages of Debian, because a registry may be out of reach:
 * the same file, with other values of `BUILD_BASE` and `RUN_BASE`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { installPackage } from '../../../packages/server/test/support/debian-packages.ts';
import { root } from '../../steps.ts';

const programs = ['buildah', 'podman', 'runc', 'mmdebstrap'];
const need = 'This proof builds and runs a container image (Debian: apt-get install buildah podman runc mmdebstrap).';
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'latchkey-tests', 'container-bases');
/** The libraries of distroless/cc, and the files that it adds for TLS, time zones and service names. */
const runPackages = 'libc6,libstdc++6,libgcc-s1,ca-certificates,netbase,tzdata';
const authorities = '/etc/ssl/certs/ca-certificates.crt';

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Images and containers in a storage of their own. */
export class ContainerStorage implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'latchkey-containers-'));
  readonly options = ['--root', join(this.#directory, 'root'), '--runroot', join(this.#directory, 'run')];

  constructor() {
    for (const name of programs.filter((program) => spawnSync('which', [program]).status !== 0))
      installPackage({ name, need });
  }

  buildah(...parameters: readonly string[]): string {
    return must('buildah', [...this.options, '--storage-driver', 'overlay', ...parameters]);
  }

  /** `cgroupfs` and runc: no systemd needs to run, and hybrid control groups are accepted. */
  podman(...parameters: readonly string[]): Promise<Result> {
    const own = ['--storage-driver', 'overlay', '--cgroup-manager', 'cgroupfs', '--runtime', 'runc'];
    return run('podman', [...this.options, ...own, ...parameters]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.podman('rm', '--all', '--force');
    await this.podman('umount', '--all');
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Builds the image, and returns its name. */
export function buildImage(storage: ContainerStorage): string {
  const name = 'localhost/latchkey';
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-bases-'));
  try {
    buildBases(storage, directory);
    const bases = ['BUILD_BASE=localhost/build-base', 'RUN_BASE=localhost/run-base'];
    const parameters = bases.flatMap((base) => ['--build-arg', base]);
    // The OCI format has no HEALTHCHECK.
    const build = ['--isolation', 'chroot', '--pull-never', '--format', 'docker', '--tag', name];
    storage.buildah('bud', ...build, ...parameters, '--file', join(root, 'deploy/Dockerfile'), root);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return name;
}

/** The size of the layers as a registry stores them. */
export function compressedBytes(storage: ContainerStorage, image: string): number {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-archive-'));
  try {
    const archive = join(directory, 'image.tar');
    storage.buildah('push', '--quiet', image, `oci-archive:${archive}`);
    return statSync(archive).size;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function buildBases(storage: ContainerStorage, directory: string): void {
  bootstrap(['--variant=extract', `--include=${runPackages}`], 'run');
  bootstrap(['--variant=minbase', '--include=ca-certificates'], 'build.tar');
  const build = ['bud', '--isolation', 'chroot', '--pull-never'];
  cpSync(join(cache, 'run'), join(directory, 'run'), { recursive: true, verbatimSymlinks: true });
  cpSync(join(cache, 'build.tar'), join(directory, 'build.tar'));
  mkdirSync(join(directory, 'node/usr/lib/node_modules'), { recursive: true });
  mkdirSync(join(directory, 'node/usr/bin'), { recursive: true });
  cpSync(process.execPath, join(directory, 'node/usr/bin/node'));
  cpSync(npmDirectory(), join(directory, 'node/usr/lib/node_modules/npm'), { recursive: true });
  cpSync(authorities, join(directory, 'node/authorities.crt'));
  writeFileSync(
    join(directory, 'Build'),
    `FROM scratch
ADD build.tar /
COPY node /
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/bin/npm
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin NODE_EXTRA_CA_CERTS=/authorities.crt
`,
  );
  writeFileSync(join(directory, 'Run'), 'FROM scratch\nCOPY run /\nUSER 65532:65532\nWORKDIR /home/nonroot\n');
  storage.buildah(...build, '--tag', 'localhost/build-base', '--file', join(directory, 'Build'), directory);
  storage.buildah(...build, '--tag', 'localhost/run-base', '--file', join(directory, 'Run'), directory);
}

/** Keeps what it made: a bootstrap takes half a minute. */
function bootstrap(options: readonly string[], name: string): void {
  const target = join(cache, name);
  if (existsSync(target)) return;
  mkdirSync(cache, { recursive: true });
  const unfinished = join(cache, `unfinished-${process.pid}-${name}`);
  must('mmdebstrap', [...options, 'bookworm', unfinished]);
  renameSync(unfinished, target);
}

/** `npm` is a link to `bin/npm-cli.js` of its package. */
function npmDirectory(): string {
  return dirname(dirname(realpathSync(must('which', ['npm']).trim())));
}

/** @throws Error with its output when it fails. */
function must(command: string, parameters: readonly string[]): string {
  const { status, error, stdout, stderr } = spawnSync(command, parameters, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`"${command} ${parameters.join(' ')}" failed with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

/** Returns to the event loop, because a command in a container may send a mail to this process. */
async function run(command: string, parameters: readonly string[]): Promise<Result> {
  const child = spawn(command, parameters, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code, signal] = (await ended) as [number | null, NodeJS.Signals | null];
  if (code === null) throw new Error(`${command} was ended by ${signal}`);
  return { code, stdout, stderr };
}
