import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineOf, linesOf, MessageTooLong, readAnswer, readFrame, readRequest } from './messages.ts';

async function collect(chunks: readonly (string | Buffer)[], maxLength = 1000): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(Readable.from(chunks, { objectMode: false }), maxLength)) lines.push(line);
  return lines;
}

describe('linesOf', () => {
  it('finds the same lines however the bytes arrive, also in the middle of a character', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'grapheme' })),
        fc.integer({ min: 1, max: 7 }),
        async (texts, size) => {
          const sent = texts.map((text) => text.replaceAll('\n', ''));
          const bytes = Buffer.from(sent.map((text) => `${text}\n`).join(''));
          const chunks: Buffer[] = [];
          for (let start = 0; start < bytes.length; start += size) chunks.push(bytes.subarray(start, start + size));
          expect(await collect(chunks)).toEqual(sent);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('drops a line that was cut off', async () => {
    expect(await collect(['whole\ncut'])).toEqual(['whole']);
  });

  it.each([
    ['a line with an end', `${'x'.repeat(11)}\n`],
    ['a line without one', 'x'.repeat(11)],
  ])('refuses %s that is too long', async (_, text) => {
    await expect(collect([text], 10)).rejects.toThrow(MessageTooLong);
  });
});

describe('the messages', () => {
  it('are read as they were sent', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.boolean(), fc.integer({ min: 1 }), (argv, isTerminal, columns) => {
        expect(readRequest(lineOf({ argv, isTerminal, columns }))).toEqual({ argv, isTerminal, columns });
        expect(readRequest(lineOf({ argv, isTerminal }))).toEqual({ argv, isTerminal });
        const text = argv.join('\n');
        expect(readAnswer(lineOf({ answer: text }))).toBe(text);
        for (const frame of [{ out: text }, { err: text }, { exit: columns }] as const) {
          expect(readFrame(lineOf(frame))).toEqual(frame);
        }
        expect(readFrame(lineOf({ ask: 'secret', prompt: text }))).toEqual({ ask: 'secret', prompt: text });
        expect(readFrame(lineOf({ ask: 'input' }))).toEqual({ ask: 'input' });
      }),
    );
  });

  it.each([
    '',
    'null',
    '[]',
    '{}',
    '{"argv":"migrate","isTerminal":true}',
    '{"argv":[1],"isTerminal":true}',
    '{"argv":[],"isTerminal":1}',
    '{"argv":[],"isTerminal":true,"columns":0}',
    '{"argv":[],"isTerminal":true,"columns":"80"}',
  ])('%s is no request', (text) => {
    expect(readRequest(text)).toBeUndefined();
  });

  it('are never the reason of an exception', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        readRequest(text);
        readAnswer(text);
        readFrame(text);
      }),
    );
  });

  it('know an answer that could not be given', () => {
    expect(readAnswer(lineOf({ answer: null }))).toBeUndefined();
  });
});
