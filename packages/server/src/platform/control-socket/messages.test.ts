import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineOf, linesOf, readAnswer, readFrame, readRequest } from './messages.ts';

async function collect(chunks: readonly (string | Buffer)[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(Readable.from(chunks, { objectMode: false }))) lines.push(line);
  return lines;
}

describe('linesOf', () => {
  it('returns the same lines however the bytes are cut, also inside of a character', async () => {
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

  it('drops a line that was cut off, and splits at newlines alone', async () => {
    expect(await collect(['a\u2028b\rc\ncut'])).toEqual(['a\u2028b\rc']);
  });
});

describe('the messages', () => {
  it('are parsed as they were sent', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.boolean(), fc.integer({ min: 1 }), (argv, isTerminal, columns) => {
        expect(readRequest(JSON.stringify({ argv, isTerminal, columns }))).toEqual({ argv, isTerminal, columns });
        expect(readRequest(JSON.stringify({ argv, isTerminal }))).toEqual({ argv, isTerminal });
        const text = argv.join('\n');
        expect(readAnswer(JSON.stringify({ answer: text }))).toBe(text);
        const answerPath = '/answers/1';
        const questions = [
          { ask: 'secret', prompt: text, answerPath },
          { ask: 'input', answerPath },
        ] as const;
        for (const frame of [{ out: text }, { err: text }, { exit: columns }, ...questions] as const) {
          expect(readFrame(lineOf(frame))).toEqual(frame);
        }
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

  it('never throw, whatever the text is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        readRequest(text);
        readAnswer(text);
        readFrame(text);
      }),
    );
  });

  it('have null for an answer that the client does not have', () => {
    expect(readAnswer('{"answer":null}')).toBeUndefined();
  });

  it.each(['{"ask":"secret","prompt":"Password: "}', '{"ask":"input"}', '{"ask":"age","answerPath":"/answers/1"}'])(
    '%s is no frame',
    (text) => {
      expect(readFrame(text)).toBeUndefined();
    },
  );
});
