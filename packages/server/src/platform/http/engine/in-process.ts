/** The same routes without a socket, for tests and for callers in this process. */
import type { FastifyInstance, InjectOptions } from 'fastify';

const withoutBody = new Set([101, 204, 205, 304]);

/** Runs a `Request` through the routes. There is no socket, so the caller passes the peer's address. */
export async function fetchInProcess(
  engine: FastifyInstance,
  request: Request,
  peerAddress: string,
): Promise<Response> {
  const url = new URL(request.url);
  const payload = request.body === null ? undefined : Buffer.from(await request.arrayBuffer());
  const response = await engine.inject({
    method: request.method as NonNullable<InjectOptions['method']>,
    url: url.pathname + url.search,
    headers: { host: url.host, ...Object.fromEntries(request.headers) },
    remoteAddress: peerAddress,
    ...(payload !== undefined && { payload }),
  });
  const headers = new Headers();
  for (const [name, value] of Object.entries(response.headers)) {
    for (const line of Array.isArray(value) ? value : [value]) {
      if (line !== undefined) headers.append(name, String(line));
    }
  }
  const body = withoutBody.has(response.statusCode) ? null : new Uint8Array(response.rawPayload);
  return new Response(body, { status: response.statusCode, headers });
}
