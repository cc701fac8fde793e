/** invariant 13 by a stopwatch: the short form of `npm run prove timing`. */
import { beforeAll, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { addPeople } from './states.ts';
import { type Ask, peopleFor, registerUnverified, TimingTrial } from './trial.ts';

const samples = 200;
const atMost = { samples, tolerance: 0.1 };

let app: Application;
let ask: Ask;

beforeAll(async () => {
  // The smallest hash there is: next to a real one, what else differs is harder to see.
  app = await Application.open();
  const { publicUrl } = app.services.config.http;
  ask = async (path, json) => {
    const headers = { 'content-type': 'application/json' };
    const request = new Request(publicUrl + path, { method: 'POST', headers, body: JSON.stringify(json) });
    const answer = await app.server.fetch(request, { peerAddress: '127.0.0.1' });
    return { status: answer.status, body: await answer.text() };
  };
  const people = peopleFor(2 * samples);
  await addPeople(app.services, people);
  await registerUnverified(ask, people);
  // Every application checks an answer against the contract, which would be part of the time here.
  await app.send('GET', '/livez');
  return () => app.close();
});

it('a stopwatch tells nobody who has an address, by login, forgotten password or registration', async () => {
  const trial = new TimingTrial(ask);
  await trial.take(samples);
  // Of 45 pairs that are alike one lies outside by chance in one run of fifty: 0.1 is 3.5 standard deviations of 200
  // samples against 200. What is outside by chance is not so with twice as many, of which it is 4.9.
  if (trial.faults(atMost).length > 0) await trial.take(samples);
  expect(trial.faults(atMost)).toEqual([]);
});
