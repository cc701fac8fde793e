/** Sends one request over a connection of its own to checked addresses, and reads the response. */
import {
  Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { rootCertificates } from 'node:tls';
import type { Failure, OutboundResult } from './result.ts';

export interface Exchange {
  readonly url: URL;
  readonly addresses: readonly string[];
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer | undefined;
  readonly maxBodyBytes: number;
  /** PEM certificate of an authority that is trusted in addition to Node's. */
  readonly certificateAuthority: string | undefined;
}

const maxHeaderBytes = 16_384;

/** The phase in which a connection fails determines the reason of the failure. */
type Phase = 'connecting' | 'securing' | 'exchanging';

/** Never rejects. Resolves with `timeout` when the signal is aborted. */
export function exchange(parameters: Exchange, signal: AbortSignal): Promise<OutboundResult> {
  const { promise, resolve } = Promise.withResolvers<OutboundResult>();
  const isSecure = parameters.url.protocol === 'https:';
  const send = isSecure ? httpsRequest : httpRequest;
  const outgoing = send(parameters.url, optionsOf(parameters, isSecure, signal));
  const phase = watchPhase(outgoing, isSecure);
  let hasResponse = false;
  const fail = (error: unknown): void => {
    resolve({ kind: 'failed', reason: signal.aborted ? 'timeout' : failureOf(phase(), error) });
  };
  outgoing.on('error', fail);
  outgoing.on('response', (response) => {
    hasResponse = true;
    readResponse(response, parameters.maxBodyBytes)
      .then(resolve, fail)
      .finally(() => outgoing.destroy());
  });
  // Node also closes the connection without an error when the server switches protocols (101) unasked.
  outgoing.on('close', () => {
    if (!hasResponse) fail(undefined);
  });
  outgoing.end(parameters.body);
  return promise;
}

/**
 * Each request has a new agent, so that it cannot reuse a connection that another policy allowed, nor a TLS session, nor a
 * proxy of the environment.
 */
function optionsOf(
  { method, headers, body, ...parameters }: Exchange,
  isSecure: boolean,
  signal: AbortSignal,
): RequestOptions {
  const { certificateAuthority: ca } = parameters;
  // Explicit, because NODE_TLS_REJECT_UNAUTHORIZED=0 changes the default.
  const tls = { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }) };
  return {
    method,
    signal,
    agent: isSecure ? new HttpsAgent(tls) : new Agent(),
    lookup: pinTo(parameters.addresses),
    maxHeaderSize: maxHeaderBytes,
    headers: {
      ...headers,
      ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
      'accept-encoding': 'identity',
      'user-agent': 'Latchkey',
    },
  };
}

/** Returns the checked addresses instead of resolving again, because a second result may differ (DNS rebinding). */
function pinTo(addresses: readonly string[]): LookupFunction {
  const entries = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, options, done) => {
    if (options.all === true) done(null, entries);
    else done(null, entries[0]?.address ?? '', entries[0]?.family);
  };
}

function watchPhase(outgoing: ClientRequest, isSecure: boolean): () => Phase {
  let phase: Phase = 'connecting';
  outgoing.on('socket', (socket) => {
    socket.once('connect', () => {
      phase = isSecure ? 'securing' : 'exchanging';
    });
    socket.once('secureConnect', () => {
      phase = 'exchanging';
    });
  });
  return () => phase;
}

function failureOf(phase: Phase, error: unknown): Failure {
  if (phase === 'connecting') return 'unreachable';
  if (phase === 'securing') return 'untrusted';
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return code.startsWith('HPE_') ? 'malformed' : 'broken';
}

async function readResponse(response: IncomingMessage, maxBodyBytes: number): Promise<OutboundResult> {
  const { 'content-encoding': coding = 'identity', 'content-length': length = '0' } = response.headers;
  // Bodies are never decoded, which excludes decompression bombs. The request allows `identity` only.
  if (coding.toLowerCase() !== 'identity') return { kind: 'failed', reason: 'encoded' };
  if (Number(length) > maxBodyBytes) return { kind: 'failed', reason: 'too_large' };
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) return { kind: 'failed', reason: 'too_large' };
    chunks.push(chunk);
  }
  const headers = Object.entries(response.headers).filter(
    (entry): entry is [string, string] => !Array.isArray(entry[1]),
  );
  return {
    kind: 'answered',
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(headers),
    body: Buffer.concat(chunks),
  };
}
