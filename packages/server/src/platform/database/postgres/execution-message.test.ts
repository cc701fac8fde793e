import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeExecution } from './execution-message.ts';

/** Parses a Bind message according to the protocol's documentation, and returns the rest. */
function readBind(message: Buffer) {
  const end = 1 + message.readInt32BE(1);
  const nameEnd = message.indexOf(0, 6);
  let at = nameEnd + 1;
  const take16 = () => {
    at += 2;
    return message.readInt16BE(at - 2);
  };
  const formats = Array.from({ length: take16() }, take16);
  const values = Array.from({ length: take16() }, () => {
    const length = message.readInt32BE(at);
    at += 4 + Math.max(length, 0);
    return length < 0 ? null : message.subarray(at - length, at);
  });
  const resultFormats = take16();
  const name = message.toString('utf8', 6, nameEnd);
  return {
    type: String.fromCharCode(message[0] as number),
    portal: message[5],
    name,
    formats,
    values,
    resultFormats,
    endsThere: at === end,
    rest: message.subarray(end),
  };
}

describe('encodeExecution', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.date({ min: new Date('1000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }),
  );
  const bytesOf = (one: string | number | boolean | Date | Buffer | null) => {
    if (one === null || Buffer.isBuffer(one)) return one;
    return Buffer.from(one instanceof Date ? one.toISOString() : String(one), 'utf8');
  };

  it('encodes the message of the protocol, for all values', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 20 }), (values) => {
        const read = readBind(encodeExecution('noun.verb#01234567', values) as Buffer);
        expect(read).toMatchObject({
          type: 'B',
          portal: 0,
          name: 'noun.verb#01234567',
          resultFormats: 0,
          endsThere: true,
        });
        expect(read.formats).toEqual(values.map((one) => (Buffer.isBuffer(one) ? 1 : 0)));
        expect(read.values).toEqual(values.map(bytesOf));
        expect(read.rest.toString('hex')).toBe('45000000090000000000' + '5300000004');
      }),
    );
  });

  it('encodes an array of bytes in the binary form of bytea[]', () => {
    const bytes = fc.uint8Array().map((one) => Buffer.from(one));
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 1, maxLength: 64 }), (elements) => {
        const { formats, values, endsThere } = readBind(
          encodeExecution('noun.verb#01234567', [elements, 'x']) as Buffer,
        );
        expect([formats, endsThere, values[1]?.toString()]).toEqual([[1, 0], true, 'x']);
        const words = (...numbers: number[]) =>
          Buffer.concat(
            numbers.map((number) => {
              const word = Buffer.alloc(4);
              word.writeInt32BE(number);
              return word;
            }),
          );
        const head = words(1, 0, 17, elements.length, 1);
        expect(values[0]).toEqual(Buffer.concat([head, ...elements.flatMap((one) => [words(one.length), one])]));
      }),
    );
  });

  it('leaves unsupported values to the driver', () => {
    for (const other of [
      [],
      ['a'],
      [Buffer.alloc(1), null],
      [Buffer.alloc(20_000)],
      {},
      1n,
      undefined,
      'x'.repeat(10_000),
      Buffer.alloc(20_000),
      new Date(8.64e15),
    ]) {
      expect(encodeExecution('noun.verb#01234567', [other])).toBe(undefined);
    }
  });

  it('does not overwrite an earlier message', () => {
    const first = encodeExecution('noun.verb#01234567', ['first']);
    const copy = Buffer.from(first as Buffer);
    encodeExecution('noun.verb#01234567', ['other']);
    expect(first).toEqual(copy);
  });
});
