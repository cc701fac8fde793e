import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFilter, filterBytes, PasswordFilter } from './filter.ts';

let folder: string;
let files = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-filter-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex').toUpperCase();

/** Builds a filter from a list; `atOnce` as `buildFilter` takes it. */
async function built(list: string | Buffer, atOnce?: number): Promise<{ path: string; filter: PasswordFilter }> {
  files += 1;
  const source = join(folder, `${files}.txt`);
  const path = join(folder, `${files}.filter`);
  await writeFile(source, list);
  await buildFilter(source, path, atOnce);
  return { path, filter: await PasswordFilter.open(path) };
}

async function found(filter: PasswordFilter, passwords: readonly string[]): Promise<string[]> {
  const answers = await Promise.all(passwords.map((password) => filter.has(password)));
  return passwords.filter((_, index) => answers[index]);
}

describe('a filter', () => {
  it.each([
    ['passwords', 'one\ntwo words\n\nthrée\n', 3],
    ['passwords of Windows, without a last newline', 'one\r\ntwo words\r\nthrée', 3],
    ['hashes', `${sha1('one')}\n${sha1('two words').toLowerCase()}\n${sha1('thrée')}\n`, 3],
    ['hashes with counts', `${sha1('one')}:3\r\n${sha1('two words')}:1\r\n${sha1('thrée')}:77\r\n`, 3],
    ['both', `one\n${sha1('two words')}:2\nthrée\n`, 3],
    ['Latin-1', Buffer.from('one\ntwo words\nthrée\n', 'latin1'), 3],
    ['passwords after a byte order mark', '\ufeffone\r\ntwo words\r\nthrée\r\n', 3],
    ['letters with accents apart', 'one\ntwo words\nthre\u0301e\n', 3],
  ])('of a list of %s knows every one of them', async (_, list, passwords) => {
    const { filter } = await built(list);
    expect(filter.header.passwords).toBe(passwords);
    expect(await found(filter, ['one', 'two words', 'thrée', 'four', 'One', 'one '])).toEqual([
      'one',
      'two words',
      'thrée',
    ]);
    await filter.close();
  });

  it('leaves out padding, which has a count of 0', async () => {
    const { filter } = await built(`${sha1('one')}:0\n${sha1('two')}:1\n`);
    expect(await found(filter, ['one', 'two'])).toEqual(['two']);
    await filter.close();
  });

  it.each([
    ['nothing', ''],
    ['empty lines', '\n\r\n\n'],
    ['padding', `${sha1('one')}:0\n`],
  ])('is not made of a list of %s', async (_, list) => {
    await expect(built(list)).rejects.toThrow(/has no passwords; a list has passwords or their SHA-1, one a line$/);
  });

  it.each([
    ['NTLM', 16, ':17'],
    ['MD5', 16, ''],
    ['SHA-256', 32, ''],
    ['SHA-512', 64, ':3'],
  ])('is not made of a list of %s, which would find nobody', async (_, bytes, times) => {
    const lines = Array.from({ length: 95 }, () => randomBytes(bytes).toString('hex') + times);
    const refusal = /has hashes that are not SHA-1, such as NTLM or MD5; a list has passwords or their SHA-1/;
    await expect(built([...lines, 'five', 'other', 'lines', 'are', 'there'].join('\n'))).rejects.toThrow(refusal);
    const { filter } = await built(
      [...lines.slice(0, 50), ...Array.from({ length: 50 }, (_, at) => `${at}`)].join('\n'),
    );
    expect(await found(filter, [lines[0] ?? '', '49'])).toEqual([lines[0], '49']);
    await filter.close();
  });

  it('never replaces the list that it is made of, by whatever name', async () => {
    const list = join(folder, 'precious');
    await writeFile(list, 'one\ntwo\n');
    await symlink(list, join(folder, 'another name'));
    for (const target of [list, join(folder, '.', 'precious'), join(folder, 'another name')]) {
      await expect(buildFilter(list, target)).rejects.toThrow(/is the list itself, which the filter would replace$/);
      await expect(buildFilter(join(folder, 'another name'), target)).rejects.toThrow(/is the list itself/);
    }
    expect(await readFile(list, 'utf8')).toBe('one\ntwo\n');
  });

  it('replaces a filter of before', async () => {
    const { path, filter } = await built('one\n');
    await filter.close();
    const list = join(folder, 'newer');
    await writeFile(list, 'two\n');
    await buildFilter(list, path);
    const newer = await PasswordFilter.open(path);
    expect(await found(newer, ['one', 'two'])).toEqual(['two']);
    await newer.close();
  });

  it('knows whatever is in its list, whatever that is', async () => {
    const line = fc
      .string({ unit: 'binary', maxLength: 60 })
      .filter((text) => text.isWellFormed() && !/^\ufeff|[\r\n]/.test(text));
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 40 }), async (lines) => {
        const { filter, path } = await built(['one', ...lines].join('\n'));
        const passwords = lines.filter((text) => text !== '' && !/^[0-9a-f]{40}(:\d+)?$/i.test(text));
        expect(await found(filter, passwords)).toEqual(passwords);
        await filter.close();
        await rm(path);
      }),
      { numRuns: 40 },
    );
  });

  it('is the same file however little is kept in memory, takes 2 bytes a password and errs once in a thousand', async () => {
    const many = Array.from({ length: 40_000 }, (_, index) => `password number ${index}`);
    const { path, filter } = await built(many.join('\n'));
    const frugal = await built(many.join('\n'), 2);
    const bytes = await readFile(path);
    expect((await readFile(frugal.path)).equals(bytes)).toBe(true);
    expect(bytes.length).toBe(filterBytes(filter.header));
    expect(bytes.length / many.length).toBeLessThan(2.3);
    expect((await found(filter, many.slice(0, 5000))).length).toBe(5000);
    const others = Array.from({ length: 20_000 }, () => randomBytes(12).toString('base64'));
    expect((await found(filter, others)).length).toBeLessThan(60);
    await filter.close();
    await frugal.filter.close();
  });

  it('is not made of a list that cannot be read twice, or whose bytes are not what they seem', async () => {
    await expect(buildFilter('/dev/null', join(folder, 'never'))).rejects.toThrow(/is read more than once/);
    const list = join(folder, 'of Windows');
    await writeFile(list, '\ufeffone\r\n', 'utf16le');
    await expect(buildFilter(list, join(folder, 'never'))).rejects.toThrow(/is in UTF-16/);
  });

  it('is written whole or not at all', async () => {
    const before = await readdir(folder);
    await expect(buildFilter(join(folder, 'no such list'), join(folder, 'never'))).rejects.toThrow('ENOENT');
    await expect(buildFilter(folder, join(folder, 'never'))).rejects.toThrow('EISDIR');
    expect(await readdir(folder)).toEqual(before);
  });
});

describe('a file that is no filter', () => {
  it('is refused when it is opened', async () => {
    const text = join(folder, 'text');
    await writeFile(text, 'one\ntwo\n');
    await expect(PasswordFilter.open(text)).rejects.toThrow(/is not a password filter/);
    await expect(PasswordFilter.open(join(folder, 'absent'))).rejects.toThrow(/cannot be read/);
    const { path, filter } = await built('one\n');
    await filter.close();
    await writeFile(path, (await readFile(path)).subarray(0, 6000));
    await expect(PasswordFilter.open(path)).rejects.toThrow(/is not whole: it has 6000 bytes/);
  });

  it('answers nothing from a page that changed', async () => {
    const { path, filter } = await built('one\n');
    const file = await open(path, 'r+');
    await file.write(Buffer.from([0xff]), 0, 1, 5000);
    await file.close();
    await expect(filter.has('one')).rejects.toThrow(/is damaged; build it again/);
    await filter.close();
  });
});
