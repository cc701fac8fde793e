import { once } from 'node:events';
import { request } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { makeCertificate } from '../../packages/server/test/support/certificates.ts';

/** Terminates TLS for the hosts of one domain on this machine. */
export type TlsFront = AsyncDisposable & {
  readonly port: number;
  /** Forwards the requests of `auth.<domain>` to a server; every other host is an application with an empty page. */
  forwardTo(url: string): void;
};

export async function openTlsFront(domain: string): Promise<TlsFront> {
  let target = '';
  const server = createServer(makeCertificate([`*.${domain}`]), (incoming, response) => {
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
    forwardTo: (url) => {
      target = url;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
