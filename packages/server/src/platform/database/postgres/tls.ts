/** The encryption of a connection to PostgreSQL, with libpq's meanings of `sslmode`. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Endpoint } from '../options.ts';

/** The driver's option. */
export function tlsOptions({ tls: { mode, ...files } }: Pick<Endpoint, 'tls'>): false | ConnectionOptions {
  switch (mode) {
    case 'disable':
      return false;
    case 'prefer':
    case 'require':
      return { ...files, rejectUnauthorized: false };
    case 'verify-ca':
      return { ...files, checkServerIdentity: () => undefined };
    case 'verify-full':
      return files;
  }
}

/** The message SSLRequest of PostgreSQL's protocol. */
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]);

/**
 * Decides `prefer` once, because the driver cannot fall back: TLS when the server offers it. A Unix socket has none.
 * Rejects when the server cannot be reached.
 */
export async function settlePreference(endpoint: Endpoint, timeoutMs: number): Promise<Endpoint> {
  if (endpoint.tls.mode !== 'prefer') return endpoint;
  const mode = endpoint.host.startsWith('/') || !(await offersTls(endpoint, timeoutMs)) ? 'disable' : 'require';
  return { ...endpoint, tls: { ...endpoint.tls, mode } };
}

async function offersTls({ host, port }: Endpoint, timeoutMs: number): Promise<boolean> {
  const socket = connect({ host, port });
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    await once(socket, 'connect', { signal });
    socket.write(sslRequest);
    const [response] = (await once(socket, 'data', { signal })) as [Buffer];
    return response.toString('latin1') === 'S';
  } finally {
    socket.destroy();
  }
}

const unknownAuthority = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** The sentence for a failed handshake, with the parameter that solves it; undefined for other errors. */
export function explainTls(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  const code = 'code' in cause ? String(cause.code) : '';
  if (unknownAuthority.has(code))
    return `the authority of its certificate is not trusted (${code}); name the authority's file with sslrootcert in the URL`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return 'its certificate is for another host; use a host that it names, or sslmode=verify-ca instead of verify-full';
  if (code === 'CERT_HAS_EXPIRED') return 'its certificate has expired';
  if (cause.message.includes('does not support SSL'))
    return 'it does not offer TLS; enable ssl in the server, or remove sslmode from the URL';
  return undefined;
}
