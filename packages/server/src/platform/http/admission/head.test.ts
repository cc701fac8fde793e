import { describe, expect, it } from 'vitest';
import { repeatsHeader } from './head.ts';

describe('repeatsHeader', () => {
  it('detects a repeated header that decides something, in any case, and no other', () => {
    expect(repeatsHeader(['Host', 'a', 'HOST', 'b'])).toBe(true);
    expect(repeatsHeader(['Host', 'a', 'origin', 'b', 'Authorization', 'c'])).toBe(false);
    expect(repeatsHeader(['Accept', 'a', 'Accept', 'b', 'Host', 'c'])).toBe(false);
  });
});
