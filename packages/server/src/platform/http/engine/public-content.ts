/**
 * Sends content that is the same for everyone, compressed and with a validator (RFC 9110 §8.8.3, §12.5.3).
 *
 * Nothing else is compressed: where a response has a secret beside a text that the sender of the request chooses, its
 * compressed length shows how much of the secret that text repeats (BREACH). Pages have the token of their form, and the API
 * has tokens and personal data, beside what a link or another site can put into the request.
 */
import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Headers } from './headers.ts';
import type { Responder } from './responder.ts';

type Coding = 'br' | 'gzip';

/** A shorter content fits into the first packets of a connection without compression. */
const compressedFromBytes = 1024;

/** 9 of 11: the description of the API takes 20 ms instead of 500, and is 5 % longer. */
const brotliQuality = 9;

const compressors: Readonly<Record<Coding, (bytes: Buffer) => Promise<Buffer>>> = {
  br: async (bytes) => {
    const { BROTLI_PARAM_QUALITY: quality, BROTLI_PARAM_MODE: mode, BROTLI_MODE_TEXT: text } = constants;
    return promisify(brotliCompress)(bytes, { params: { [quality]: brotliQuality, [mode]: text } });
  },
  gzip: async (bytes) => promisify(gzip)(bytes, { level: 9 }),
};

/** One content in all its forms. Each has a validator of its own. */
class Content {
  readonly bytes: Buffer;
  readonly isCompressed: boolean;
  readonly #tag: string;
  readonly #encoded = new Map<Coding, Promise<Buffer>>();

  constructor(body: string | Uint8Array) {
    this.bytes = Buffer.from(body);
    this.isCompressed = this.bytes.length >= compressedFromBytes;
    this.#tag = hash('sha256', this.bytes, 'base64url').slice(0, 22);
  }

  tagOf(coding: Coding | undefined): string {
    return coding === undefined ? `"${this.#tag}"` : `"${this.#tag}-${coding}"`;
  }

  encode(coding: Coding): Promise<Buffer> {
    const known = this.#encoded.get(coding) ?? compressors[coding](this.bytes);
    this.#encoded.set(coding, known);
    return known;
  }
}

/** The content of one endpoint. It is hashed and compressed once, until it changes. */
export class PublicContent {
  readonly #hasValidator: boolean;
  #content: Content | undefined;
  #body: string | Uint8Array | undefined;

  /** @param hasValidator false for what must not be stored, so that no client has something to compare. */
  constructor({ hasValidator }: { readonly hasValidator: boolean }) {
    this.#hasValidator = hasValidator;
  }

  /** Sends 200, or 304 to a client that has the content. */
  async send(
    responder: Responder,
    request: FastifyRequest,
    reply: FastifyReply,
    { headers, body }: { readonly headers: Headers; readonly body: string | Uint8Array },
  ): Promise<void> {
    const content = this.#contentOf(body);
    const coding = content.isCompressed ? codingFor(request.headers['accept-encoding']) : undefined;
    const validated: Headers = {
      ...headers,
      ...(content.isCompressed && { vary: 'accept-encoding' }),
      ...(this.#hasValidator && { etag: content.tagOf(coding) }),
    };
    if (this.#hasValidator && matches(request.headers['if-none-match'], content.tagOf(coding))) {
      const { 'content-type': _type, ...rest } = validated;
      return responder.send(request, reply, 304, rest, undefined);
    }
    if (coding === undefined) return responder.send(request, reply, 200, validated, content.bytes);
    const encoded = await content.encode(coding);
    responder.send(request, reply, 200, { ...validated, 'content-encoding': coding }, encoded);
  }

  #contentOf(body: string | Uint8Array): Content {
    if (this.#content === undefined || this.#body !== body) this.#content = new Content(body);
    this.#body = body;
    return this.#content;
  }
}

/** The smaller coding that the client accepts; a weight of 0 refuses one. */
export function codingFor(accepted: string | undefined): Coding | undefined {
  if (accepted === undefined) return undefined;
  const names = accepted
    .toLowerCase()
    .split(',')
    .filter((each) => !/;\s*q=0(?:\.0*)?\s*$/.test(each))
    .map((each) => each.split(';')[0]?.trim());
  return (['br', 'gzip'] as const).find((name) => names.includes(name));
}

/** RFC 9110 §13.1.2: any of the list, by weak comparison, or `*`. Proxies that compress make tags weak. */
function matches(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((each) => ['*', tag, `W/${tag}`].includes(each.trim()));
}
