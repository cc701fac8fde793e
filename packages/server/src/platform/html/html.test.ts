import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { html, joinHtml, text } from './index.ts';

describe('html', () => {
  it('escapes text between tags and in attributes', () => {
    expect(html`<a title="${`"><script>'\`&`}">${'<b>'}</a>`.toString()).toBe(
      '<a title="&quot;&gt;&lt;script&gt;&#39;&#96;&amp;">&lt;b&gt;</a>',
    );
  });

  it('does not escape Html twice, joins lists and omits absent values', () => {
    const items = ['<', '>'].map((item) => html`<li>${item}</li>`);
    const list = html`<ul>${items}</ul>${undefined}${null}${false}${7}`;
    expect(list.toString()).toBe('<ul><li>&lt;</li><li>&gt;</li></ul>7');
    expect(joinHtml(items).toString()).toBe('<li>&lt;</li><li>&gt;</li>');
  });

  it('never lets text open a tag or leave an attribute', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        expect(html`${value}`.toString()).not.toMatch(/[<>"'`]/);
      }),
    );
  });
});

describe('text', () => {
  it('removes the common indentation', () => {
    expect(text`
      Hello ${'there'},

        indented ${1}
    `).toBe('Hello there,\n\n  indented 1\n');
  });

  it('keeps a value on its line', () => {
    expect(text`a ${'b\r\nBcc: c\u2028d'} e`).toBe('a b Bcc: c d e');
  });
});
