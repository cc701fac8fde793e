/** `npm run prove webauthn` compares ten thousand mutations. */
import { expect, it } from 'vitest';
import { compareWithLibrary } from '#test/webauthn/differential.ts';

it('accepts no mutated response that @simplewebauthn/server rejects', async () => {
  const comparisons = await compareWithLibrary(1500, 20_260_301);
  expect(comparisons.flatMap(({ faults }) => faults)).toEqual([]);
  for (const { mutations, bothAccept, bothReject, onlyWeReject } of comparisons) {
    expect(mutations).toBeGreaterThan(500);
    expect(bothAccept).toBeGreaterThan(5);
    expect(bothReject).toBeGreaterThan(200);
    expect(onlyWeReject).toBeGreaterThan(5);
    expect(bothAccept + bothReject + onlyWeReject).toBe(mutations);
  }
});
