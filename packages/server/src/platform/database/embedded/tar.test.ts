import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTar, TarError } from './tar.ts';

const header = (name: string, size: number, type: string, prefix = ''): Buffer => {
  const block = Buffer.alloc(512);
  block.write(name, 0, 100, 'latin1');
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  block.write('        ', 148, 'latin1');
  block.write(type, 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.write(prefix, 345, 155, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
};
const padded = (data: Buffer): Buffer => Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
const file = (name: string, data: Buffer, prefix = ''): Buffer =>
  Buffer.concat([header(name, data.length, '0', prefix), padded(data)]);
const end = Buffer.alloc(1024);
const read = (...parts: Buffer[]) => [...readTar(Buffer.concat(parts))];

describe('readTar', () => {
  it('reads files and directories, and makes their names relative', () => {
    const archive = [
      header('/base', 0, '5'),
      file('/base/1', Buffer.from('one')),
      file('./PG_VERSION', Buffer.from('18\n')),
    ];
    expect(read(...archive, end).map((entry) => [entry.kind, entry.name])).toEqual([
      ['directory', 'base'],
      ['file', 'base/1'],
      ['file', 'PG_VERSION'],
    ]);
  });

  it('joins the prefix of a long name', () => {
    expect(read(file('b', Buffer.alloc(0), 'a'.repeat(120)), end)[0]?.name).toBe(`${'a'.repeat(120)}/b`);
  });

  it('returns what was written, for all contents', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 1500 }), { maxLength: 5 }), (contents) => {
        const archive = contents.map((content, index) => file(`f${index}`, Buffer.from(content)));
        const found = read(...archive, end).map((entry) => (entry.kind === 'file' ? [...entry.data] : []));
        expect(found).toEqual(contents.map((content) => [...content]));
      }),
    );
  });

  it.each([
    ['a name that leaves the archive', file('../evil', Buffer.alloc(0))],
    ['a name that leaves it further down', file('a/../../evil', Buffer.alloc(0))],
    ['a symbolic link', header('link', 0, '2')],
    ['a device', header('null', 0, '3')],
    ['a file without a name', file('/', Buffer.alloc(0))],
    ['a size that is not octal', header('a', Number.NaN, '0')],
  ])('rejects %s', (_, archive) => {
    expect(() => read(archive, end)).toThrow(TarError);
  });

  it('rejects an archive that is truncated anywhere', () => {
    const whole = Buffer.concat([file('a', Buffer.alloc(700, 1)), file('b', Buffer.alloc(10, 2))]);
    for (let length = 0; length <= whole.length; length += 64) {
      expect(() => read(whole.subarray(0, length))).toThrow(TarError);
    }
  });

  it('rejects a header with any other change', () => {
    const whole = Buffer.concat([file('name', Buffer.from('content')), end]);
    fc.assert(
      fc.property(fc.nat(511), fc.integer({ min: 1, max: 255 }), (place, change) => {
        const damaged = Buffer.from(whole);
        damaged[place] = (damaged[place] ?? 0) ^ change;
        // The checksum field has several spellings of the same number.
        if (place >= 148 && place < 156) return;
        expect(() => read(damaged)).toThrow(TarError);
      }),
    );
  });

  it('throws nothing but TarError for arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2048 }), (bytes) => {
        try {
          read(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(TarError);
        }
      }),
    );
  });
});
