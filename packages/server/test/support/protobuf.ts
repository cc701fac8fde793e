/** Reads messages of Protocol Buffers by their field numbers, without the code that wrote them. */
type Field = readonly [number: number, value: bigint | Buffer];

/** Returns the number and the position after it. */
export function readVarint(bytes: Buffer, start: number): [bigint, number] {
  let value = 0n;
  let at = start;
  for (let shift = 0n; ; shift += 7n) {
    const byte = bytes[at] ?? 0;
    at += 1;
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return [value, at];
  }
}

/** The fields of a message (protobuf's wire types 0, 1, 2 and 5). */
export function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [key, afterKey] = readVarint(bytes, at);
    const [number, type] = [Number(key >> 3n), Number(key & 7n)];
    if (type === 1 || type === 5) {
      fields.push([number, type === 1 ? bytes.readBigUInt64LE(afterKey) : BigInt(bytes.readUInt32LE(afterKey))]);
      at = afterKey + (type === 1 ? 8 : 4);
      continue;
    }
    const [value, afterValue] = readVarint(bytes, afterKey);
    if (type === 0) fields.push([number, value]);
    else fields.push([number, bytes.subarray(afterValue, afterValue + Number(value))]);
    at = type === 0 ? afterValue : afterValue + Number(value);
  }
  return fields;
}

/** The messages or texts with this number. */
export function messages(bytes: Buffer, number: number): Buffer[] {
  return fieldsOf(bytes).flatMap(([each, value]) => (each === number && Buffer.isBuffer(value) ? [value] : []));
}

/** The number with this number; 0 without one. */
export function numberAt(bytes: Buffer, number: number): bigint {
  const [, value = 0n] = fieldsOf(bytes).find(([each]) => each === number) ?? [];
  return typeof value === 'bigint' ? value : 0n;
}

/** The message or text with this number; empty without one. */
export function messageAt(bytes: Buffer, number: number): Buffer {
  return messages(bytes, number)[0] ?? Buffer.alloc(0);
}
