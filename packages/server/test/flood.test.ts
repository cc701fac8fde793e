/** More logins at once than the hash queue accepts (invariant 14). `npm run prove flood` does the same for a minute. */
import { afterEach, expect, it } from 'vitest';
import { Application } from './support/application.ts';
import { failedAttemptsOf } from './support/stored-login.ts';
import { addLoggedInUser, addVerifiedUser, login, register } from './support/user-actions.ts';
import { eventually } from './support/wait.ts';

const capacity = 5;
const env = { LATCHKEY_HASH_CONCURRENCY: '1', LATCHKEY_HASH_QUEUE_LENGTH: String(capacity - 1) };

let app: Application;

afterEach(() => app.close());

/** Blocks every hash until the returned function is called. */
function holdHashes(): () => void {
  const { hashQueue } = app.services;
  const run = hashQueue.run.bind(hashQueue);
  const blocked = Promise.withResolvers<void>();
  hashQueue.run = (task) => run(() => blocked.promise.then(task));
  return blocked.resolve;
}

it('503 with Retry-After for all logins beyond the queue, while sessions and probes respond', async () => {
  app = await Application.open({ env });
  const { accessToken } = await addLoggedInUser(app);
  const { hashQueue } = app.services;
  const before = { ...hashQueue.counts };
  const release = holdHashes();
  let settled = 0;
  const flood = Array.from({ length: 200 }, async (_, index) => {
    const email = `flood-${index}@example.org`;
    const kinds = [() => login(app, email), () => register(app, email)];
    const response = await (kinds[index % kinds.length] as (typeof kinds)[number])();
    settled += 1;
    return response;
  });
  await eventually(() => settled === 200 - capacity, { what: 'all logins beyond the queue are rejected' });

  expect((await app.send('GET', '/api/v1/auth/session', { token: accessToken })).status).toBe(200);
  expect((await app.send('GET', '/livez')).status).toBe(200);
  expect(settled).toBe(200 - capacity);
  release();
  const responses = await Promise.all(flood);

  const rejected = responses.filter(({ status }) => status === 503);
  expect(rejected).toHaveLength(200 - capacity);
  expect(new Set(rejected.map(({ code, headers }) => `${code} ${headers.get('retry-after')}`))).toEqual(
    new Set(['busy 1']),
  );
  const others = responses.filter(({ status }) => status !== 503);
  expect(others.every(({ status }) => status === 401 || status === 201)).toBe(true);
  const { computed, refused: countedRejections } = hashQueue.counts;
  expect([computed - before.computed, countedRejections - before.refused]).toEqual([capacity, 200 - capacity]);
});

it('503 is not a failed attempt: a rejected user logs in as soon as the queue has room', async () => {
  app = await Application.open({ env });
  const email = await addVerifiedUser(app);
  const release = holdHashes();
  const others = Array.from({ length: capacity }, (_, index) => login(app, `flood-${index}@example.org`));
  await eventually(() => app.services.hashQueue.depth === capacity - 1, { what: 'the queue is full' });
  for (let attempt = 0; attempt < 20; attempt += 1) expect((await login(app, email)).status).toBe(503);
  expect(await failedAttemptsOf(app, email)).toBe(0);
  release();
  await Promise.all(others);
  expect((await login(app, email)).status).toBe(200);
});
