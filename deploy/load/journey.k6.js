// @ts-check
/**
 * A load test for k6 (https://k6.io): people log in, use their session, refresh their tokens and log out. It fails when one request in
 * twenty takes longer than 200 ms, or more than one in a thousand fails.
 *
 *   k6 run -e URL=https://auth.staging.example.com -e ACCOUNTS=accounts.json -e RATE=20 -e DURATION=5m deploy/load/journey.k6.js
 *
 * ACCOUNTS is a JSON file, `[{ "email": "…", "password": "…" }, …]`, of accounts without a second factor; make them with
 * `latchkey user create --password-stdin`. All requests come from one address: raise LATCHKEY_LIMIT_PUBLIC on the installation under test,
 * or its limits are what is measured. Each login computes a password hash, so RATE is bounded by the CPU (docs/guides/speed.md).
 */
import { check, sleep } from 'k6';
import { SharedArray } from 'k6/data';
import http from 'k6/http';

const url = __ENV.URL || 'http://127.0.0.1:5625';
const rate = Number(__ENV.RATE || 5);
const pause = Number(__ENV.PAUSE || 1);

/** @type {{ email: string, password: string }[]} */
const accounts = new SharedArray('accounts', () => JSON.parse(open(__ENV.ACCOUNTS || './accounts.json')));

/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    journey: {
      executor: 'constant-arrival-rate',
      rate,
      timeUnit: '1s',
      duration: __ENV.DURATION || '2m',
      // A journey takes as long as its pauses and its eight requests.
      preAllocatedVUs: rate * 10,
    },
  },
  thresholds: {
    http_req_duration: ['p(95)<200'],
    http_req_failed: ['rate<0.001'],
    checks: ['rate>0.999'],
  },
};

/** @param {string} [token] */
function headers(token) {
  return { headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) } };
}

/**
 * @param {string} path
 * @param {object} body
 * @param {string} [token]
 */
function post(path, body, token) {
  return http.post(`${url}/api/v1${path}`, JSON.stringify(body), { ...headers(token), tags: { name: path } });
}

/** @param {string} token */
function session(token) {
  return http.get(`${url}/api/v1/auth/session`, { ...headers(token), tags: { name: '/auth/session' } });
}

/**
 * @param {import('k6/http').RefinedResponse<'text'>} response
 * @param {string} member
 * @returns {string}
 */
function dataOf(response, member) {
  return String(response.json(`data.${member}`));
}

export default function journey() {
  const account = accounts[Math.floor(Math.random() * accounts.length)];
  const login = post('/auth/login', account);
  if (!check(login, { 'login is 200': ({ status }) => status === 200 })) return;
  let token = dataOf(login, 'accessToken');
  for (let visit = 0; visit < 3; visit += 1) {
    check(session(token), { 'session is 200': ({ status }) => status === 200 });
    sleep(pause);
  }
  const refresh = post('/auth/refresh', { refreshToken: dataOf(login, 'refreshToken') });
  if (!check(refresh, { 'refresh is 200': ({ status }) => status === 200 })) return;
  token = dataOf(refresh, 'accessToken');
  check(session(token), { 'session after the refresh is 200': ({ status }) => status === 200 });
  check(post('/auth/logout', {}, token), { 'logout is 200': ({ status }) => status === 200 });
  // The response is the expected one, so that it does not count as a failure.
  const ended = http.get(`${url}/api/v1/auth/session`, {
    ...headers(token),
    tags: { name: 'ended' },
    responseCallback: http.expectedStatuses(401),
  });
  check(ended, { 'session after the logout is 401': ({ status }) => status === 401 });
}
