import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pageWords, readCatalogues, TextsUnusable } from './index.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'latchkey-texts-'));
});
afterAll(() => rmSync(root, { recursive: true }));

let folders = 0;
function folderOf(files: Readonly<Record<string, unknown>>): string {
  folders += 1;
  const folder = join(root, String(folders));
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}

function refusal(folder: string): string {
  try {
    readCatalogues(undefined, folder);
    return 'accepted';
  } catch (error) {
    expect(error).toBeInstanceOf(TextsUnusable);
    return (error as Error).message.replaceAll(`${folder}/`, '');
  }
}

describe('texts of the operator', () => {
  it('replace ours in their language, and leave the others', () => {
    const brand = { name: 'Acme', links: [] };
    const folder = folderOf({
      'de.json': { 'page.login.title': 'Hallo bei {service}', 'page.wait': 'In {minutes} Minuten.' },
      'readme.txt': 'no texts',
    });
    const [german, english] = ['de', 'en'].map((lang) => pageWords(readCatalogues(brand, folder), lang));
    expect(german?.say('page.login.title')).toBe('Hallo bei Acme');
    expect(german?.say('page.wait', { minutes: 3 })).toBe('In 3 Minuten.');
    expect(english?.say('page.login.title')).toBe(pageWords(readCatalogues(brand), 'en').say('page.login.title'));
  });

  it.each([
    [{ 'fr.json': {} }, 'fr.json has no language of ours. There are de and en.'],
    [{ 'en.json': '{' }, 'en.json cannot be read (it is not JSON).'],
    [{ 'en.json': [] }, 'en.json must be an object of messages.'],
    [{ 'en.json': { 'page.nowhere': 'x' } }, 'en.json has the key "page.nowhere", which is not one of our messages.'],
    [{ 'en.json': { constructor: 'x' } }, 'en.json has the key "constructor", which is not one of our messages.'],
    [{ 'en.json': { 'page.wait': 'Wait.' } }, '"page.wait" in en.json lacks the placeholder {minutes}.'],
    [
      { 'en.json': { 'page.wait': '{minutes} {seconds}' } },
      '"page.wait" in en.json has the placeholder {seconds}, which has no value.',
    ],
    [{ 'en.json': { 'page.login.title': '' } }, '"page.login.title" in en.json must be a text of one line.'],
    [{ 'en.json': { 'page.login.title': 'a\nb' } }, '"page.login.title" in en.json must be a text of one line.'],
    [{ 'en.json': { 'page.login.title': 7 } }, '"page.login.title" in en.json must be a text of one line.'],
  ])('%j is refused in a sentence', (files, sentence) => expect(refusal(folderOf(files))).toBe(sentence));

  it('refuses a placeholder that cannot be read, and a folder that does not exist', () => {
    expect(refusal(folderOf({ 'en.json': { 'page.wait': '{minutes' } }))).toContain(
      'has a placeholder that cannot be read',
    );
    expect(refusal(join(root, 'nowhere'))).toContain('cannot be read (ENOENT)');
  });
});
