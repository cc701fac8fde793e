import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { problems } from '#kernel/problem.ts';
import { checkCitations } from './architecture/citations.ts';
import { checkComments, commentsOf } from './architecture/comments.ts';
import { exceptions, withoutExceptions } from './architecture/exceptions.ts';
import { checkMigration } from './architecture/expressions.ts';
import { checkHygiene, isText, listFiles, readText } from './architecture/hygiene.ts';
import { checkLinks } from './architecture/pages.ts';
import { checkWords, publicTexts } from './architecture/public-words.ts';
import { checkSources } from './architecture/rules.ts';
import { parseSource, printFinding } from './architecture/source.ts';

const root = resolve(import.meta.dirname, '../../..');
const paths = listFiles(root);
const files = paths.filter(isText).map((path) => readText(root, path));
const sources = files.filter((file) => file.path.endsWith('.ts')).map((file) => parseSource(file.path, file.text));
const pages = files.filter((file) => file.path.endsWith('.md'));
const migrations = files.filter((file) => file.path.endsWith('.sql'));

// It reads every file of the repository.
describe('the repository', { timeout: 60_000 }, () => {
  it('is read completely', () => {
    expect(sources.filter((source) => source.path.startsWith('packages/server/src/')).length).toBeGreaterThan(10);
    expect(migrations.length).toBeGreaterThan(0);
  });

  it('follows the rules of its architecture', () => {
    const findings = [...checkSources(sources), ...migrations.flatMap((file) => checkMigration(file.path, file.text))];
    expect(withoutExceptions(findings, exceptions).map(printFinding)).toEqual([]);
  });

  it('cites only what exists', () => {
    const read = (path: string) => files.find((file) => file.path === path)?.text ?? '';
    const citable = { files: new Set(paths), read, invariants: 25 };
    expect(read('docs/security/invariants.md').match(/^\d+\. /gm)).toHaveLength(citable.invariants);
    const texts = [...pages, ...migrations].map(({ path, text }) => ({ path, line: 1, text }));
    expect(checkCitations([...sources.flatMap(commentsOf), ...texts], citable)).toEqual([]);
    expect(pages.flatMap((page) => checkLinks(page, citable))).toEqual([]);
  });

  it('has comments that name the component and state a reason', () => {
    expect(checkComments(sources.flatMap(commentsOf))).toEqual([]);
  });

  it('speaks to people in plain words: pages and mails of every locale, and problems', () => {
    const locales = files.flatMap(({ path, text }) => {
      const [, locale] = /^packages\/server\/locales\/(.+)\.json$/.exec(path) ?? [];
      return locale === undefined ? [] : [{ locale, texts: publicTexts(path, text) }];
    });
    expect(locales.map(({ locale }) => locale)).toContain('en');
    const ofProblems = Object.entries(problems).flatMap(([code, { title, detail }]) => [
      { where: `title of ${code}`, text: title },
      { where: `detail of ${code}`, text: detail },
    ]);
    expect(
      [...locales, { locale: 'en', texts: ofProblems }].flatMap(({ locale, texts }) => checkWords(locale, texts)),
    ).toEqual([]);
  });

  it('contains no path of one machine, no registry address and no skipped test', () => {
    expect(files.flatMap(checkHygiene)).toEqual([]);
  });
});
