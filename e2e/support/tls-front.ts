import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { makeCertificate } from '../../packages/server/test/support/certificates.ts';

/** Terminates TLS for the hosts of some domains on this machine. */
export type TlsFront = AsyncDisposable & {
  readonly port: number;
  /** Of the certificate's public key, as Chromium's flag `--ignore-certificate-errors-spki-list` takes it. */
  readonly keyHash: string;
  /** Forwards the requests of the hosts `auth.…` to a server; every other host is an application with an empty page. */
  forwardTo(url: string): void;
};

export async function openTlsFront(...domains: readonly string[]): Promise<TlsFront> {
  let target = '';
  const certificate = makeCertificate(domains.map((domain) => `*.${domain}`));
  const server = createServer(certificate, (incoming, response) => {
    if (incoming.headers.host?.startsWith('auth.') !== true) {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Application</title>');
      return;
    }
    const { method, headers, url = '/' } = incoming;
    const forwarded = request(target + url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    incoming.pipe(forwarded);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    keyHash: hashOfKey(certificate.cert),
    forwardTo: (url) => {
      target = url;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function hashOfKey(certificate: string): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}
