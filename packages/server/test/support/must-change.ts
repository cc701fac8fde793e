import { type Queries, statement } from '#platform/database/index.ts';

const requireNewPassword = statement('test_passwords.require_new', {
  lane: 'pool',
  sql: 'update passwords set must_change = true where user_id = :userId',
  params: { userId: 'uuid' },
  columns: {},
});

/** The password must be changed at the next login; the epoch stays, which no flow does. */
export async function mustChangePasswordOf(queries: Pick<Queries, 'run'>, userId: string): Promise<void> {
  await queries.run(requireNewPassword, { userId });
}
