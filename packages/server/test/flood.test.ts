/** More logins at once than the hash queue takes (invariant 14). The same for a minute: `npm run prove flood`. */
import { afterEach, expect, it } from 'vitest';
import { Application } from './support/application.ts';
import { failedAttemptsOf } from './support/stored-login.ts';
import { addLoggedInUser, addVerifiedUser, login, register } from './support/user-actions.ts';
import { eventually } from './support/wait.ts';

const places = 5;
const env = { LATCHKEY_HASH_CONCURRENCY: '1', LATCHKEY_HASH_QUEUE_LENGTH: String(places - 1) };

let app: Application;

afterEach(() => app.close());

/** From now on no hash ends before it is let go. */
function holdHashes(): () => void {
  const { hashQueue } = app.services;
  const run = hashQueue.run.bind(hashQueue);
  const gate = Promise.withResolvers<void>();
  hashQueue.run = (task) => run(() => gate.promise.then(task));
  return gate.resolve;
}

it('503 with Retry-After to all but those who fit, while sessions and probes are answered', async () => {
  app = await Application.open({ env });
  const { accessToken } = await addLoggedInUser(app);
  const { hashQueue } = app.services;
  const before = { ...hashQueue.counts };
  const letGo = holdHashes();
  let answered = 0;
  const flood = Array.from({ length: 200 }, async (_, index) => {
    const email = `flood-${index}@example.org`;
    const kinds = [() => login(app, email), () => register(app, email)];
    const answer = await (kinds[index % kinds.length] as (typeof kinds)[number])();
    answered += 1;
    return answer;
  });
  await eventually(() => answered === 200 - places, { what: 'all who do not fit are answered' });

  expect((await app.send('GET', '/api/v1/auth/session', { token: accessToken })).status).toBe(200);
  expect((await app.send('GET', '/livez')).status).toBe(200);
  expect(answered).toBe(200 - places);
  letGo();
  const answers = await Promise.all(flood);

  const refused = answers.filter(({ status }) => status === 503);
  expect(refused).toHaveLength(200 - places);
  expect(new Set(refused.map(({ code, headers }) => `${code} ${headers.get('retry-after')}`))).toEqual(
    new Set(['busy 1']),
  );
  const others = answers.filter(({ status }) => status !== 503);
  expect(others.every(({ status }) => status === 401 || status === 201)).toBe(true);
  const { computed, refused: counted } = hashQueue.counts;
  expect([computed - before.computed, counted - before.refused]).toEqual([places, 200 - places]);
});

it('503 is no wrong guess: whoever was refused so often logs in as soon as there is room', async () => {
  app = await Application.open({ env });
  const email = await addVerifiedUser(app);
  const letGo = holdHashes();
  const others = Array.from({ length: places }, (_, index) => login(app, `flood-${index}@example.org`));
  await eventually(() => app.services.hashQueue.depth === places - 1, { what: 'the queue is full' });
  for (let tries = 0; tries < 20; tries += 1) expect((await login(app, email)).status).toBe(503);
  expect(await failedAttemptsOf(app, email)).toBe(0);
  letGo();
  await Promise.all(others);
  expect((await login(app, email)).status).toBe(200);
});
