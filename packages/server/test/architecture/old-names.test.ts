import { describe, expect, it } from 'vitest';
import { checkOldNames } from './old-names.ts';
import { parseSource, printFinding } from './source.ts';

const check = (path: string, text: string) =>
  checkOldNames(parseSource(`packages/server/src/${path}`, text)).map(printFinding);

describe('a replaced name', () => {
  it('is found as a variable, a type and a member, with its successor', () => {
    const text = 'const told = true;\ntype Ending = { readonly isLive: boolean };';
    expect(check('domain/users/a.ts', text)).toEqual([
      'domain/users/a.ts:1: "told" was replaced: notified',
      'domain/users/a.ts:2: "Ending" was replaced: a revocation; what is revoked is in the revocation feed',
      'domain/users/a.ts:2: "isLive" was replaced: isActive',
    ]);
  });

  it('is found in the path', () => {
    expect(check('flows/operate-users/tell-of-guesses.ts', '')).toEqual([
      'flows/operate-users/tell-of-guesses.ts:1: "operate-users" was replaced: flows/admin-…',
      'flows/operate-users/tell-of-guesses.ts:1: "tell-of-guesses" was replaced: failed-login-notice',
    ]);
  });

  it('is no finding in a string or a comment, or as a part of another name', () => {
    expect(check('domain/users/a.ts', "// told\nconst a = 'Ending'; const Endpoint = 1, isLively = 2;")).toEqual([]);
  });
});
