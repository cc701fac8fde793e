import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configurationPage } from './document.ts';
import { settings } from './schema.ts';

describe('the reference page', () => {
  it('has one section per setting', () => {
    const sections = configurationPage().match(/^### .*$/gm) ?? [];
    expect(sections.toSorted()).toEqual(settings.map(({ env }) => `### \`${env}\``).toSorted());
  });

  it('is committed as the schema generates it', () => {
    const committed = new URL('../../../../docs/reference/configuration.md', import.meta.url);
    expect(readFileSync(committed, 'utf8')).toBe(configurationPage());
  });
});
