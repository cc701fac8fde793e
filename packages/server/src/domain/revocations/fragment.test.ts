import { expect, it } from 'vitest';

it('a flow that inserts revocations without declaring them fails to load', async () => {
  const loading = import('#test/fixtures/forgotten-revocation/index.ts');
  await expect(loading).rejects.toThrow(
    'statement "forgotten_revocation.end_sessions" inserts revocations without `after.revokes`',
  );
});
