/** One request and its answer, over a connection of its own to addresses that were checked. */
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
import type { Failure, OutboundResult } from './answer.ts';

/** What is sent, and where. */
export interface Exchange {
  readonly url: URL;
  readonly addresses: readonly string[];
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly maxBodyBytes: number;
  /** PEM; trusted beside the well-known authorities. */
  readonly certificateAuthority: string | undefined;
}

const maxHeaderBytes = 16_384;

/** How far a connection has come, which tells what its failure means. */
type Phase = 'connecting' | 'securing' | 'asking';

/** Sends and reads the answer; never rejects. Ends with `timeout` when the signal fires. */
export function exchange(wanted: Exchange, signal: AbortSignal): Promise<OutboundResult> {
  const { promise, resolve } = Promise.withResolvers<OutboundResult>();
  const isSecure = wanted.url.protocol === 'https:';
  const send = isSecure ? httpsRequest : httpRequest;
  const outgoing = send(wanted.url, optionsOf(wanted, isSecure, signal));
  const phase = watchPhase(outgoing, isSecure);
  let isAnswered = false;
  const fail = (error: unknown): void => {
    resolve({ kind: 'failed', reason: signal.aborted ? 'timeout' : failureOf(phase(), error) });
  };
  outgoing.on('error', fail);
  outgoing.on('response', (answer) => {
    isAnswered = true;
    readAnswer(answer, wanted.maxBodyBytes)
      .then(resolve, fail)
      .finally(() => outgoing.destroy());
  });
  // Also what happens when the other side changes the protocol, which nobody asked for.
  outgoing.on('close', () => {
    if (!isAnswered) fail(undefined);
  });
  outgoing.end(wanted.body);
  return promise;
}

/**
 * A new agent for each request: no connection that one policy opened is used by another, and no proxy of the
 * environment, no cookie and no session comes with it.
 */
function optionsOf(
  { method, headers, body, ...wanted }: Exchange,
  isSecure: boolean,
  signal: AbortSignal,
): RequestOptions {
  const { certificateAuthority: ca } = wanted;
  // Said aloud, because NODE_TLS_REJECT_UNAUTHORIZED=0 would change the default.
  const tls = { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }) };
  return {
    method,
    signal,
    agent: isSecure ? new HttpsAgent(tls) : new Agent(),
    lookup: onlyAt(wanted.addresses),
    maxHeaderSize: maxHeaderBytes,
    headers: {
      ...headers,
      ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
      'accept-encoding': 'identity',
      'user-agent': 'Latchkey',
    },
  };
}

/** Answers the checked addresses instead of resolving the name a second time, when it might say something else. */
function onlyAt(addresses: readonly string[]): LookupFunction {
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
      phase = isSecure ? 'securing' : 'asking';
    });
    socket.once('secureConnect', () => {
      phase = 'asking';
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

async function readAnswer(answer: IncomingMessage, maxBodyBytes: number): Promise<OutboundResult> {
  const { 'content-encoding': coding = 'identity', 'content-length': length = '0' } = answer.headers;
  // Not decoded, so that no small answer becomes a large one; and not asked for, so that an honest server sends none.
  if (coding.toLowerCase() !== 'identity') return { kind: 'failed', reason: 'encoded' };
  if (Number(length) > maxBodyBytes) return { kind: 'failed', reason: 'too_large' };
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) return { kind: 'failed', reason: 'too_large' };
    chunks.push(chunk);
  }
  const headers = Object.entries(answer.headers).filter((entry): entry is [string, string] => !Array.isArray(entry[1]));
  return {
    kind: 'answered',
    status: answer.statusCode ?? 0,
    headers: Object.fromEntries(headers),
    body: Buffer.concat(chunks),
  };
}
