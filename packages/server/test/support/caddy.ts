import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '../../../../e2e/support/free-port.ts';
import { type Settings, startProgram } from '../../../../e2e/support/program.ts';
import { type DebianPackage, provideProgram } from './debian-packages.ts';
import { completesHandshake, type Edge, type EdgeOptions, readDeployFile, replaceOnce } from './edge.ts';
import { eventually } from './wait.ts';

const caddy: DebianPackage = {
  name: 'caddy',
  need: 'These tests need the program caddy (Debian: apt-get install caddy).',
};

export const provideCaddy = (): string => provideProgram('caddy', caddy);

const activeNodes = (nodes: readonly string[]) => `to ${nodes.join(' ')}\nlb_policy least_conn\n`;

/** Caddy, with what `deploy/switch.sh` needs to lead it. */
export interface RunningCaddy extends Edge {
  readonly directory: string;
  /** The environment of programs that reload it. */
  readonly env: Settings;
}

/** Starts Caddy with `deploy/Caddyfile` on loopback; its certificate is of its own authority, as for every local name. */
export async function startCaddy({ port, nodes, edit = (text) => text }: EdgeOptions): Promise<RunningCaddy> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-caddy-'));
  const plainPort = await findFreePort();
  const env = {
    CADDY_ADMIN: `unix/${join(directory, 'admin.sock')}`,
    LATCHKEY_SITE: 'localhost',
    LATCHKEY_HTTPS_PORT: String(port),
    LATCHKEY_HTTP_PORT: String(plainPort),
    XDG_DATA_HOME: directory,
    XDG_CONFIG_HOME: directory,
  };
  const file = join(directory, 'Caddyfile');
  const active = join(directory, 'latchkey.nodes');
  const onLoopback = ['skip_install_trust\n', 'skip_install_trust\n\tdefault_bind 127.0.0.1\n'] as const;
  writeFileSync(file, edit(replaceOnce(readDeployFile('Caddyfile'), ...onLoopback)));
  writeFileSync(active, activeNodes(nodes));
  const program = startProgram([provideCaddy(), 'run', '--config', file, '--adapter', 'caddyfile'], env);
  const root = join(directory, 'caddy/pki/authorities/local/root.crt');
  const certificate = join(directory, 'caddy/certificates/local/localhost/localhost.crt');
  const isServing = () => {
    if (program.hasExited()) throw new Error(`caddy has exited: ${program.stderr()}`);
    return existsSync(root) && existsSync(certificate) && program.stderr().includes('serving initial configuration');
  };
  await eventually(isServing, { what: 'Caddy has a certificate', timeoutMs: 30_000 });
  const reached = { origin: `https://localhost:${port}`, authority: readFileSync(root, 'utf8') };
  // It stores a certificate before it uses it.
  await eventually(() => completesHandshake(reached), { what: 'Caddy serves with its certificate', timeoutMs: 30_000 });
  return {
    ...reached,
    directory,
    env,
    plainOrigin: `http://localhost:${plainPort}`,
    lead: async (now) => {
      writeFileSync(active, activeNodes(now));
      const reload = startProgram([provideCaddy(), 'reload', '--config', file, '--adapter', 'caddyfile'], env);
      const { code } = await reload.exited;
      if (code !== 0) throw new Error(`caddy reload failed: ${reload.stderr()}`);
    },
    [Symbol.asyncDispose]: async () => {
      program.signal('SIGTERM');
      await program.exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
