/** The same routes without a socket, for tests and for embedding in this repository. */
import type { FastifyInstance, InjectOptions } from 'fastify';

const withoutBody = new Set([101, 204, 205, 304]);

/** Answers a `Request`. The peer's address is said aloud: there is no socket to ask. */
export async function fetchInProcess(
  engine: FastifyInstance,
  request: Request,
  peerAddress: string,
): Promise<Response> {
  const url = new URL(request.url);
  const payload = request.body === null ? undefined : Buffer.from(await request.arrayBuffer());
  const answer = await engine.inject({
    method: request.method as NonNullable<InjectOptions['method']>,
    url: url.pathname + url.search,
    headers: { host: url.host, ...Object.fromEntries(request.headers) },
    remoteAddress: peerAddress,
    ...(payload !== undefined && { payload }),
  });
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) headers.append(name, String(one));
    }
  }
  const body = withoutBody.has(answer.statusCode) ? null : new Uint8Array(answer.rawPayload);
  return new Response(body, { status: answer.statusCode, headers });
}
