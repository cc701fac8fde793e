/** The reference of requests: plain `node:http` with a body of the given length. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// A string, because `node:http` sends it with the head in one write, which is 10 % cheaper than a buffer.
const body = 'x'.repeat(Number(process.argv[2] ?? 15));
const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };

const server = createServer((_request, response) => {
  response.writeHead(200, headers);
  response.end(body);
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.once('disconnect', () => process.exit());
