import { expect, it } from 'vitest';
import { html } from '#platform/html/index.ts';
import type { Brand, PageWords } from '#platform/i18n/index.ts';
import { page } from './page.ts';

const brand: Brand = { name: 'Acme & Sons', links: [] };
const words: PageWords = { lang: 'de', dir: 'ltr', brand, hides: () => false, languages: [], say: (key) => key };

it('has a language, a title and a heading, and no script or style but files of ours', () => {
  const markup = page({ words, title: 'A & B', body: html`<p>x</p>` }).toString();
  expect(markup).toContain('<html lang="de">');
  expect(markup).toContain('<title>A &amp; B – Acme &amp; Sons</title>');
  expect(markup).toContain('<h1>A &amp; B</h1>');
  expect(markup).not.toMatch(/<script(?! type="module" src="\/assets\/)|<style|style=|\son[a-z]+=/);
});

it('takes no string as its body: that does not compile, and is escaped all the same', () => {
  // @ts-expect-error a string is not Html
  expect(page({ words, title: 'x', body: '<b>' }).toString()).toContain('&lt;b&gt;');
});
