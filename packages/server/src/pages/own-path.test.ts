import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { proofPath, toOwnPath, withContinue } from './own-path.ts';

describe('toOwnPath', () => {
  it.each(['/', '/account', '/account/security/app', '/account/security?done=app_on', '/step-up?continue=%2Faccount'])(
    'accepts %s',
    (path) => {
      expect(toOwnPath(path)).toBe(path);
    },
  );

  it.each([
    '',
    'account',
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    'https://evil.example/account',
    'javascript:alert(1)',
    '/account/../api/v1/auth/verify-email?token=x',
    '/account/%2e%2e/api/v1',
    '/./account',
    '/account#here',
    '/account?x="><script>',
    '/account\\..\\api',
    '/Account',
    '/api/v1/auth/verify-email?token=x',
    '/verify-email?token=x',
    '/.well-known/change-password',
    '/accounts',
    '/logout',
    '/account\u0000',
    '/accöunt',
    `/account/${'x'.repeat(500)}`,
    ' /account',
    '/account ',
  ])('refuses %j', (text) => {
    expect(toOwnPath(text)).toBeUndefined();
  });

  it('accepts nothing that a browser resolves to another origin or another path', () => {
    const ours = 'https://id.example';
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.constantFrom('/', '/account', '/account/'),
        (tail, head) => {
          const accepted = toOwnPath(head + tail);
          if (accepted === undefined) return;
          const resolved = new URL(accepted, `${ours}/login`);
          expect([resolved.origin, resolved.pathname + resolved.search]).toEqual([ours, accepted]);
        },
      ),
    );
  });
});

describe('proofPath', () => {
  it('leads back to the page, with its query', () => {
    expect(proofPath('session', '/account/security?done=app_on')).toBe(
      '/login?continue=%2Faccount%2Fsecurity%3Fdone%3Dapp_on',
    );
    expect(proofPath('step_up', '/account/security/app')).toBe('/step-up?continue=%2Faccount%2Fsecurity%2Fapp');
  });

  it('leads nowhere else', () => {
    expect(proofPath('session', '//evil.example')).toBe('/login');
    expect(withContinue('/login', undefined)).toBe('/login');
  });
});
