import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPasswordFilter } from './build-filter.ts';
import { passwordFilterBytes } from './filter-format.ts';
import { PasswordFilter } from './password-filter.ts';

let folder: string;
let files = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-filter-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex').toUpperCase();

async function build(list: string | Buffer, pagesPerBatch?: number): Promise<{ path: string; filter: PasswordFilter }> {
  files += 1;
  const source = join(folder, `${files}.txt`);
  const path = join(folder, `${files}.filter`);
  await writeFile(source, list);
  await buildPasswordFilter(source, path, pagesPerBatch);
  return { path, filter: await PasswordFilter.open(path) };
}

/** The passwords that the filter contains. */
async function lookUp(filter: PasswordFilter, passwords: readonly string[]): Promise<string[]> {
  const results = await Promise.all(passwords.map((password) => filter.has(password)));
  return passwords.filter((_, index) => results[index]);
}

describe('a password filter', () => {
  it.each([
    ['passwords', 'one\ntwo words\n\nthrée\n', 3],
    ['passwords with CRLF, without a final newline', 'one\r\ntwo words\r\nthrée', 3],
    ['hashes', `${sha1('one')}\n${sha1('two words').toLowerCase()}\n${sha1('thrée')}\n`, 3],
    ['hashes with counts', `${sha1('one')}:3\r\n${sha1('two words')}:1\r\n${sha1('thrée')}:77\r\n`, 3],
    ['passwords and hashes', `one\n${sha1('two words')}:2\nthrée\n`, 3],
    ['Latin-1', Buffer.from('one\ntwo words\nthrée\n', 'latin1'), 3],
    ['passwords after a byte order mark', '\ufeffone\r\ntwo words\r\nthrée\r\n', 3],
    ['passwords in NFD', 'one\ntwo words\nthre\u0301e\n', 3],
  ])('built from a list of %s contains each of them', async (_, list, passwords) => {
    const { filter } = await build(list);
    expect(filter.header.passwords).toBe(passwords);
    expect(await lookUp(filter, ['one', 'two words', 'thrée', 'four', 'One', 'one '])).toEqual([
      'one',
      'two words',
      'thrée',
    ]);
    await filter.close();
  });

  it('does not contain padding lines, whose count is 0', async () => {
    const { filter } = await build(`${sha1('one')}:0\n${sha1('two')}:1\n`);
    expect(await lookUp(filter, ['one', 'two'])).toEqual(['two']);
    await filter.close();
  });

  it.each([
    ['no lines', ''],
    ['empty lines', '\n\r\n\n'],
    ['padding', `${sha1('one')}:0\n`],
  ])('is not built from a list of %s', async (_, list) => {
    await expect(build(list)).rejects.toThrow(/has no passwords; expected passwords or their SHA-1, one per line$/);
  });

  it.each([
    ['NTLM', 16, ':17'],
    ['MD5', 16, ''],
    ['SHA-256', 32, ''],
    ['SHA-512', 64, ':3'],
  ])('is not built from a list of %s hashes, which would never match', async (_, bytes, times) => {
    const lines = Array.from({ length: 95 }, () => randomBytes(bytes).toString('hex') + times);
    const rejection = /has hashes that are not SHA-1, such as NTLM or MD5; expected passwords or their SHA-1/;
    await expect(build([...lines, 'five', 'other', 'lines', 'are', 'there'].join('\n'))).rejects.toThrow(rejection);
    const { filter } = await build(
      [...lines.slice(0, 50), ...Array.from({ length: 50 }, (_, at) => `${at}`)].join('\n'),
    );
    expect(await lookUp(filter, [lines[0] ?? '', '49'])).toEqual([lines[0], '49']);
    await filter.close();
  });

  it('never replaces the list that it is built from, under any name', async () => {
    const list = join(folder, 'precious');
    await writeFile(list, 'one\ntwo\n');
    await symlink(list, join(folder, 'another name'));
    for (const target of [list, join(folder, '.', 'precious'), join(folder, 'another name')]) {
      await expect(buildPasswordFilter(list, target)).rejects.toThrow(
        /is the list itself, which the filter would replace$/,
      );
      await expect(buildPasswordFilter(join(folder, 'another name'), target)).rejects.toThrow(/is the list itself/);
    }
    expect(await readFile(list, 'utf8')).toBe('one\ntwo\n');
  });

  it('replaces an existing filter', async () => {
    const { path, filter } = await build('one\n');
    await filter.close();
    const list = join(folder, 'newer');
    await writeFile(list, 'two\n');
    await buildPasswordFilter(list, path);
    const newer = await PasswordFilter.open(path);
    expect(await lookUp(newer, ['one', 'two'])).toEqual(['two']);
    await newer.close();
  });

  it('contains every line of its list', async () => {
    const line = fc
      .string({ unit: 'binary', maxLength: 60 })
      .filter((text) => text.isWellFormed() && !/^\ufeff|[\r\n]/.test(text));
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 40 }), async (lines) => {
        const { filter, path } = await build(['one', ...lines].join('\n'));
        const passwords = lines.filter((text) => text !== '' && !/^[0-9a-f]{40}(:\d+)?$/i.test(text));
        expect(await lookUp(filter, passwords)).toEqual(passwords);
        await filter.close();
        await rm(path);
      }),
      { numRuns: 15 },
    );
  });

  it('is the same file for any batch size, takes 2 bytes per password and has a false positive rate of 0.1 %', async () => {
    const many = Array.from({ length: 20_000 }, (_, index) => `password number ${index}`);
    const { path, filter } = await build(many.join('\n'));
    const smallBatches = await build(many.join('\n'), 2);
    const bytes = await readFile(path);
    expect((await readFile(smallBatches.path)).equals(bytes)).toBe(true);
    expect(bytes.length).toBe(passwordFilterBytes(filter.header));
    expect(bytes.length / many.length).toBeLessThan(2.3);
    expect((await lookUp(filter, many.slice(0, 5000))).length).toBe(5000);
    const others = Array.from({ length: 10_000 }, () => randomBytes(12).toString('base64'));
    expect((await lookUp(filter, others)).length).toBeLessThan(40);
    await filter.close();
    await smallBatches.filter.close();
  });

  it('is not built from a list that cannot be read twice or is in UTF-16', async () => {
    await expect(buildPasswordFilter('/dev/null', join(folder, 'never'))).rejects.toThrow(
      /must be readable more than once/,
    );
    const list = join(folder, 'utf-16');
    await writeFile(list, '\ufeffone\r\n', 'utf16le');
    await expect(buildPasswordFilter(list, join(folder, 'never'))).rejects.toThrow(/is in UTF-16/);
  });

  it('leaves no file behind when building fails', async () => {
    const before = await readdir(folder);
    await expect(buildPasswordFilter(join(folder, 'no such list'), join(folder, 'never'))).rejects.toThrow('ENOENT');
    await expect(buildPasswordFilter(folder, join(folder, 'never'))).rejects.toThrow('EISDIR');
    expect(await readdir(folder)).toEqual(before);
  });
});

describe('an invalid filter file', () => {
  it('is rejected when it is opened', async () => {
    const text = join(folder, 'text');
    await writeFile(text, 'one\ntwo\n');
    await expect(PasswordFilter.open(text)).rejects.toThrow(/is not a password filter/);
    await expect(PasswordFilter.open(join(folder, 'absent'))).rejects.toThrow(/cannot be read/);
    const { path, filter } = await build('one\n');
    await filter.close();
    await writeFile(path, (await readFile(path)).subarray(0, 6000));
    await expect(PasswordFilter.open(path)).rejects.toThrow(/is incomplete: it has 6000 bytes/);
  });

  it('throws instead of a result when a page is damaged', async () => {
    const { path, filter } = await build('one\n');
    const file = await open(path, 'r+');
    await file.write(Buffer.from([0xff]), 0, 1, 5000);
    await file.close();
    await expect(filter.has('one')).rejects.toThrow(/is damaged; build it again/);
    await filter.close();
  });
});
