import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '../../../../e2e/support/free-port.ts';
import { startProgram } from '../../../../e2e/support/program.ts';
import { makeCertificate } from './certificates.ts';
import { type DebianPackage, provideProgram } from './debian-packages.ts';
import { type Edge, type EdgeOptions, readDeployFile, replaceOnce } from './edge.ts';
import { eventually } from './wait.ts';

const nginx: DebianPackage = {
  name: 'nginx',
  need: 'These tests need the program nginx (Debian: apt-get install nginx-light).',
};

export const provideNginx = (): string => provideProgram('nginx', nginx);

/** The file that includes `deploy/nginx.conf`, as the package's does. */
const main = (directory: string) => `daemon off;
worker_processes 1;
user root;
pid ${directory}/nginx.pid;
events {}
http {
  access_log off;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  include ${directory}/latchkey.conf;
}
`;

interface Places {
  readonly directory: string;
  readonly port: number;
  readonly plainPort: number;
}

/** Fills in what a deployment fills in: addresses, host and certificate. */
function configure(nodes: readonly string[], { directory, port, plainPort }: Places): string {
  const servers = nodes.map((node) => `server ${node} max_fails=1 fail_timeout=5s;`).join('\n    ');
  const changes: readonly (readonly [string, string])[] = [
    ['server 127.0.0.1:5625 max_fails=1 fail_timeout=5s;', servers],
    ['listen 80 default_server;', `listen 127.0.0.1:${plainPort} default_server;`],
    ['    listen [::]:80 default_server;\n', ''],
    ['listen 443 ssl http2 default_server;', `listen 127.0.0.1:${port} ssl http2 default_server;`],
    ['    listen [::]:443 ssl http2 default_server;\n', ''],
    ['/etc/letsencrypt/live/auth.example.com/fullchain.pem', join(directory, 'certificate.pem')],
    ['/etc/letsencrypt/live/auth.example.com/privkey.pem', join(directory, 'key.pem')],
  ];
  return changes.reduce(
    (text, [old, replacement]) => replaceOnce(text, old, replacement),
    readDeployFile('nginx.conf'),
  );
}

/** Starts nginx with `deploy/nginx.conf` on loopback. */
export async function startNginx({ port, nodes, edit = (text) => text }: EdgeOptions): Promise<Edge> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-nginx-'));
  const plainPort = await findFreePort();
  const { cert, key } = makeCertificate(['localhost']);
  const write = (name: string, content: string) => writeFileSync(join(directory, name), content);
  const configured = (now: readonly string[]) => edit(configure(now, { directory, port, plainPort }));
  write('certificate.pem', cert);
  write('key.pem', key);
  write('nginx.conf', main(directory));
  write('latchkey.conf', configured(nodes));
  const command = [provideNginx(), '-e', 'stderr', '-c', join(directory, 'nginx.conf')] as const;
  const program = startProgram([...command]);
  const isServing = () => {
    if (program.hasExited()) throw new Error(`nginx has exited: ${program.stderr()}`);
    return takesConnections(port);
  };
  await eventually(isServing, { what: 'nginx accepts connections' });
  return {
    origin: `https://localhost:${port}`,
    plainOrigin: `http://localhost:${plainPort}`,
    authority: cert,
    lead: async (now) => {
      write('latchkey.conf', configured(now));
      program.signal('SIGHUP');
    },
    [Symbol.asyncDispose]: async () => {
      program.signal('SIGTERM');
      await program.exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function takesConnections(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, '127.0.0.1');
  socket.once('connect', () => resolve(true));
  // Not listening yet.
  socket.once('error', () => resolve(false));
  const isTaken = await promise;
  socket.destroy();
  return isTaken;
}
