/** Connections to a proxy in front of the nodes, by HTTP/2 as browsers open them, and a check of the headers of its responses. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';

/** A proxy of `deploy/` that runs in front of nodes. */
export interface Edge extends AsyncDisposable {
  /** Its https origin. */
  readonly origin: string;
  /** Its origin without TLS, which redirects. */
  readonly plainOrigin: string;
  /** The certificate that its certificate is checked by, as PEM. */
  readonly authority: string;
  /** Replaces the nodes that get requests. */
  lead(nodes: readonly string[]): Promise<void>;
}

export interface EdgeOptions {
  /** A free port for https, because the public URL of the nodes names it. */
  readonly port: number;
  /** Addresses of nodes, such as 127.0.0.1:5625. */
  readonly nodes: readonly string[];
  /** Plants a fault in the configuration. */
  readonly edit?: (configuration: string) => string;
}

export interface EdgeResponse {
  readonly status: number;
  /** Names and values as they were sent, names in lower case. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

export interface EdgeRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
}

/** Reads a file of `deploy/`. */
export function readDeployFile(name: string): string {
  return readFileSync(join(import.meta.dirname, '../../../../deploy', name), 'utf8');
}

/** Replaces text that must be there. */
export function replaceOnce(whole: string, old: string, replacement: string): string {
  if (!whole.includes(old)) throw new Error(`"${old}" is not in the file`);
  return whole.replace(old, replacement);
}

/** One HTTP/2 connection. */
export class EdgeConnection implements Disposable {
  readonly #session: ClientHttp2Session;

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
  }

  /** `from`: an address of this machine that the client has, such as 127.0.0.7. */
  static async open({ origin, authority }: Edge, from = '127.0.0.1'): Promise<EdgeConnection> {
    const { port } = new URL(origin);
    const tls = { host: '127.0.0.1', port: Number(port), localAddress: from, servername: 'localhost', ca: authority };
    const createConnection = () => connectTls({ ...tls, ALPNProtocols: ['h2'] });
    const session = connect(origin, { createConnection });
    await once(session, 'connect');
    return new EdgeConnection(session);
  }

  /** Whether a new request can be sent. After GOAWAY another connection must be opened (RFC 9113 §6.8). */
  get isUsable(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  /** The protocol that the TLS handshake selected. */
  get protocol(): string | undefined {
    return this.#session.alpnProtocol;
  }

  async send(method: string, path: string, { headers = {}, json }: EdgeRequest = {}): Promise<EdgeResponse> {
    const content = json === undefined ? {} : { 'content-type': 'application/json' };
    const stream = this.#session.request({ ':method': method, ':path': path, ...content, ...headers });
    stream.end(json === undefined ? undefined : JSON.stringify(json));
    return read(stream);
  }

  [Symbol.dispose](): void {
    this.#session.destroy();
  }
}

/** Whether a TLS handshake with the proxy succeeds. */
export async function completesHandshake({ origin, authority }: Pick<Edge, 'origin' | 'authority'>): Promise<boolean> {
  const socket = connectTls({
    host: '127.0.0.1',
    port: Number(new URL(origin).port),
    servername: 'localhost',
    ca: authority,
  });
  try {
    await once(socket, 'secureConnect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Whether the proxy refused a request before it processed it, as it does while it reloads: any client sends it again (RFC 9113 §8.7). */
export function isRefused(error: unknown): boolean {
  return error instanceof Error && error.message.includes('NGHTTP2_REFUSED_STREAM');
}

/**
 * Whether an error of `open` is that Caddy ended the connection before any request: it does so rarely to one that arrives in the moment
 * of a reload, when the old configuration has given up its certificate or its listener already.
 */
export function isHandshakeAborted(error: unknown): boolean {
  return error instanceof Error && /tlsv1 alert internal error|ECONNRESET/.test(error.message);
}

async function read(stream: ClientHttp2Stream): Promise<EdgeResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
  stream.once('response', (_headers, _flags, sent) => resolve(sent as readonly string[]));
  stream.once('error', reject);
  stream.once('close', () => reject(new Error('the stream was closed without a response')));
  const raw = await promise;
  const fields: [string, string][] = [];
  for (let index = 0; index < raw.length; index += 2) fields.push([raw[index] ?? '', raw[index + 1] ?? '']);
  const status = Number(fields.find(([name]) => name === ':status')?.[1]);
  return { status, fields, body: await text(stream) };
}

/** The security headers of every response, with the values that they may have. */
export const securityHeaders: Readonly<Record<string, RegExp>> = {
  'strict-transport-security': /^max-age=(?:31536000|63072000); includeSubDomains; preload$/,
  'content-security-policy': /^default-src 'none'(?!.*unsafe)/,
  'x-content-type-options': /^nosniff$/,
  'x-frame-options': /^DENY$/,
  'referrer-policy': /^(?:same-origin|strict-origin)$/,
  'cross-origin-resource-policy': /^(?:same-origin|cross-origin)$/,
  'cache-control': /^(?:no-store|public, max-age=\d+(?:, immutable)?)$/,
};

/** They tell an attacker what to look for. */
const revealing = ['server', 'via', 'x-powered-by'];

/** One sentence for each header that is missing, repeated, weak or revealing. */
export function headerFaults({ fields }: Pick<EdgeResponse, 'fields'>): string[] {
  const valuesOf = (name: string) => fields.filter(([each]) => each === name).map(([, value]) => value);
  const weak = Object.entries(securityHeaders).flatMap(([name, form]) => {
    const values = valuesOf(name);
    return values.length === 1 && form.test(values[0] ?? '') ? [] : [`${name}: ${values.join(' and ') || 'missing'}`];
  });
  const names = revealing.filter((name) => valuesOf(name).some((value) => value !== 'nginx'));
  return [...weak, ...names.map((name) => `${name} is sent`)];
}
