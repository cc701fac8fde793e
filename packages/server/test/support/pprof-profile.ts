/** Reads profiles by the field numbers of pprof's `proto/profile.proto`, without the encoder that wrote them. */
import { gunzipSync } from 'node:zlib';
import { fieldsOf, messageAt, messages, numberAt, readVarint } from './protobuf.ts';

export interface PprofFrame {
  readonly name: string;
  readonly file: string;
  readonly line: number;
}

export interface PprofProfile {
  /** As `cpu/nanoseconds`. */
  readonly sampleTypes: readonly string[];
  readonly samples: readonly {
    /** The innermost function first. */
    readonly stack: readonly PprofFrame[];
    readonly values: readonly number[];
  }[];
  readonly periodType: string;
  readonly period: number;
  readonly time: Date;
  readonly durationMs: number;
}

export function readPprof(compressed: Buffer): PprofProfile {
  const profile = gunzipSync(compressed);
  const strings = messages(profile, 6).map((text) => text.toString());
  const textAt = (message: Buffer, number: number) => strings[Number(numberAt(message, number))] ?? '';
  const typeOf = (message: Buffer) => `${textAt(message, 1)}/${textAt(message, 2)}`;
  const functions = new Map(messages(profile, 5).map((message) => [numberAt(message, 1), message]));
  const frames = new Map(
    messages(profile, 4).map((location) => {
      const line = messageAt(location, 4);
      const callee = functions.get(numberAt(line, 1)) ?? Buffer.alloc(0);
      const frame = { name: textAt(callee, 2), file: textAt(callee, 4), line: Number(numberAt(line, 2)) };
      return [numberAt(location, 1), frame] as const;
    }),
  );
  return {
    sampleTypes: messages(profile, 1).map(typeOf),
    samples: messages(profile, 2).map((sample) => ({
      stack: numbersAt(sample, 1).map((id) => frames.get(id) ?? { name: '', file: '', line: -1 }),
      values: numbersAt(sample, 2).map(Number),
    })),
    periodType: typeOf(messageAt(profile, 11)),
    period: Number(numberAt(profile, 12)),
    time: new Date(Number(numberAt(profile, 9) / 1_000_000n)),
    durationMs: Number(numberAt(profile, 10)) / 1e6,
  };
}

/** A repeated number, packed or not. */
function numbersAt(message: Buffer, number: number): bigint[] {
  return fieldsOf(message).flatMap(([each, value]) => {
    if (each !== number) return [];
    return Buffer.isBuffer(value) ? unpack(value) : [value];
  });
}

function unpack(packed: Buffer): bigint[] {
  const numbers: bigint[] = [];
  for (let at = 0; at < packed.length; ) {
    const [value, next] = readVarint(packed, at);
    numbers.push(value);
    at = next;
  }
  return numbers;
}
