/** Encoder for CBOR (RFC 8949) in shortest form. Maps are written in the order of their entries, so tests can break it. */

export type Encodable = number | boolean | null | string | Uint8Array | readonly Encodable[] | EncodableMap;
export type EncodableMap = ReadonlyMap<number | string, Encodable>;

export function encodeCbor(value: Encodable): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'boolean') return Buffer.of(value ? 0xf5 : 0xf4);
  if (value === null) return Buffer.of(0xf6);
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  if (value instanceof Map) return encodeMap(value);
  const elements = value as readonly Encodable[];
  return Buffer.concat([head(4, elements.length), ...elements.map(encodeCbor)]);
}

function encodeMap(map: EncodableMap): Buffer {
  const members = [...map].flatMap(([key, value]) => [encodeCbor(key), encodeCbor(value)]);
  return Buffer.concat([head(5, map.size), ...members]);
}

function head(major: number, argument: number): Buffer {
  if (argument < 24) return Buffer.of((major << 5) | argument);
  if (argument < 0x100) return Buffer.of((major << 5) | 24, argument);
  const bytes = Buffer.alloc(argument < 0x1_0000 ? 3 : argument < 0x1_0000_0000 ? 5 : 9);
  bytes[0] = (major << 5) | (24 + Math.log2(bytes.length - 1));
  if (bytes.length === 9) bytes.writeBigUInt64BE(BigInt(argument), 1);
  else bytes.writeUIntBE(argument, 1, bytes.length - 1);
  return bytes;
}

/** The members in the canonical order of CTAP 2.1. */
export function canonicalMap(entries: Iterable<readonly [number | string, Encodable]>): EncodableMap {
  return new Map(
    [...entries].sort(([a], [b]) => {
      const [first, second] = [encodeCbor(a), encodeCbor(b)];
      const sameMajor = first.readUInt8() >> 5 === second.readUInt8() >> 5;
      return (sameMajor ? first.length - second.length : 0) || first.compare(second);
    }),
  );
}
