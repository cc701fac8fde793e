/**
 * The files that pages load: the stylesheet with the theme, the scripts, the logo. A file's name has a hash of its content, so
 * a browser keeps it for a year; scripts and stylesheet are compressed once, at their first use.
 */
import { createHash } from 'node:crypto';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

export interface Asset {
  /** Without the hash: `latchkey.css`. A page of another release may ask for it by this name, or by another hash. */
  readonly plainName: string;
  /** `latchkey.3f2a90c1d4.css`. */
  readonly name: string;
  readonly path: `/assets/${string}`;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** Undefined for an image: it is compressed already, or too small to matter. */
  readonly encoded?: { readonly br: Uint8Array; readonly gzip: Uint8Array };
}

/** A stylesheet or a script. */
export function textAsset(plainName: string, contentType: string, text: string): Asset {
  const body = Buffer.from(text);
  let encoded: Asset['encoded'];
  return {
    ...named(plainName, contentType, body),
    get encoded() {
      encoded ??= { br: brotli(body), gzip: gzipSync(body, { level: 9 }) };
      return encoded;
    },
  };
}

export function imageAsset(plainName: string, contentType: string, body: Uint8Array): Asset {
  return named(plainName, contentType, body);
}

function named(plainName: string, contentType: string, body: Uint8Array): Asset {
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 12);
  const at = plainName.lastIndexOf('.');
  const name = `${plainName.slice(0, at)}.${hash}${plainName.slice(at)}`;
  return { plainName, name, path: `/assets/${name}`, contentType, body };
}

function brotli(body: Uint8Array): Uint8Array {
  const { BROTLI_PARAM_MODE: mode, BROTLI_MODE_TEXT: text, BROTLI_PARAM_SIZE_HINT: size } = constants;
  return brotliCompressSync(body, { params: { [mode]: text, [size]: body.length } });
}
