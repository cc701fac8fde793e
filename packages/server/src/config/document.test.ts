import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configurationPage } from './document.ts';
import { settings } from './schema.ts';

describe('the reference page', () => {
  it('has a section for every setting, each once', () => {
    const sections = configurationPage().match(/^### .*$/gm) ?? [];
    expect(sections.toSorted()).toEqual(settings.map(({ env }) => `### \`${env}\``).toSorted());
  });

  it('in the repository is the one that the schema gives', () => {
    const committed = new URL('../../../../docs/reference/configuration.md', import.meta.url);
    expect(readFileSync(committed, 'utf8')).toBe(configurationPage());
  });
});
