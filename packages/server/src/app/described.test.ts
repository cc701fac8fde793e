import { describe, expect, it } from 'vitest';
import { describedEndpoints } from './described.ts';

const responses = describedEndpoints().flatMap((endpoint) =>
  endpoint.kind === 'api' ? [[endpoint.id, endpoint.response] as const] : [],
);

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function textsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

describe.each(responses)('the response example of %s', (_id, { data, example }) => {
  it('matches the schema of the response and has no other fields', () => {
    expect(data.parse(example)).toEqual(example);
  });

  it('has only UUIDs of version 7 and addresses of example.com', () => {
    for (const text of textsOf(example)) {
      const version = uuid.exec(text)?.[1];
      if (version !== undefined) expect(version).toBe('7');
      if (text.includes('@')) expect(text).toMatch(/@example\.com$/);
    }
  });
});
