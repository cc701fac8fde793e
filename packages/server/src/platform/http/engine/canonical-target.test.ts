import { describe, expect, it } from 'vitest';
import { canonicalTarget } from './canonical-target.ts';

describe('canonicalTarget', () => {
  it.each([
    ['/livez', '/livez'],
    ['/api/auth/login?x=1', '/api/v1/auth/login?x=1'],
    ['/api/v1/auth/login', '/api/v1/auth/login'],
    ['/api/v2/auth/login', '/api/v2/auth/login'],
    ['/api/verify', '/api/v1/verify'],
    ['http://elsewhere.example/api/x', '/api/v1/x'],
    ['http://elsewhere.example', '/'],
    ['https://elsewhere.example?q', '/?q'],
    ['*', '/*'],
    ['elsewhere.example:443', '/*'],
  ])('turns %s into %s', (target, canonical) => {
    expect(canonicalTarget(target)).toBe(canonical);
  });
});
