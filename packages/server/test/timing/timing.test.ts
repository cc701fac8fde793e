/** Invariant 13 by response times; the short form of `npm run prove timing`. */
import { beforeAll, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { loginMethodsEnabled } from '#test/support/login-by-mail.ts';
import { addUsers, userStates } from './states.ts';
import { registerUnverified, type SendRequest, TimingTrial, usersFor } from './trial.ts';

const samples = 50;
const limits = { samples, tolerance: 0.2 };

/**
 * The decoy of the smallest hash takes as long as reading a hash of another product, which is as nothing beside one of
 * the product's: `npm run prove timing` compares that state with the product's parameters.
 */
const states = userStates.filter((state) => state !== 'imported');

let app: Application;
let send: SendRequest;

beforeAll(async () => {
  // The smallest hash makes other differences visible.
  app = await Application.open({ env: loginMethodsEnabled });
  const { publicUrl } = app.services.config.http;
  send = async (path, content) => {
    const request = new Request(publicUrl + path, { method: 'POST', ...content });
    const response = await app.server.fetch(request, { peerAddress: '127.0.0.1' });
    return { status: response.status, body: await response.text() };
  };
  const users = usersFor(2 * samples);
  await addUsers(app.services, users);
  await registerUnverified(send, users);
  // An application checks responses against the contract, which would add to the measured times, unless `server.fetch`
  // is used.
  await app.send('GET', '/livez');
  return () => app.close();
});

it('response times of login, forgotten password, registration and the code of a sign-up reveal no state of an address', async () => {
  const trial = new TimingTrial(send, states, true);
  await trial.take(samples);
  // Of 105 equal pairs, one lies outside by chance in one of 15 runs: 0.2 is 3.4 standard deviations for 50 samples.
  // With twice as many it is 4.9, so a chance result disappears.
  if (trial.faults(limits).length > 0) await trial.take(samples);
  expect(trial.faults(limits)).toEqual([]);
}, 300_000);
