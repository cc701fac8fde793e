import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findFreePort } from '../e2e/support/free-port.ts';
import { startProgram } from '../e2e/support/program.ts';

async function check(port: number, host?: string): Promise<{ readonly code: number | null; readonly reason: string }> {
  const settings = { LATCHKEY_OPS_PORT: String(port), LATCHKEY_OPS_HOST: host };
  const program = startProgram([process.execPath, join(import.meta.dirname, 'health.cjs')], settings);
  const { code } = await program.exited;
  return { code, reason: program.stderr().trim() };
}

async function checkServer(listener: RequestListener, host?: string): ReturnType<typeof check> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const verdict = await check((server.address() as AddressInfo).port, host);
  server.closeAllConnections();
  server.close();
  return verdict;
}

it('the health check of the image follows /readyz of the operator’s listener', async () => {
  const paths: (string | undefined)[] = [];
  const ready: RequestListener = (request, response) => {
    paths.push(request.url);
    response.end('ok');
  };
  expect(await checkServer(ready)).toEqual({ code: 0, reason: '' });
  expect(await checkServer(ready, '0.0.0.0')).toEqual({ code: 0, reason: '' });
  expect(paths).toEqual(['/readyz', '/readyz']);
  const red = await checkServer((_, response) => response.writeHead(503).end());
  expect(red).toEqual({ code: 1, reason: '/readyz returned 503' });
});

it('the health check of the image fails when nobody listens or responds', async () => {
  const refused = await check(await findFreePort());
  expect(refused).toEqual({
    code: 1,
    reason: expect.stringContaining('/readyz cannot be reached: connect ECONNREFUSED'),
  });
  const hanging = await checkServer(() => undefined);
  expect(hanging).toEqual({ code: 1, reason: '/readyz did not respond within 2 s' });
});
