/** The load test of deploy/load, run once against a real server. */
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runLatchkey } from '../packages/server/test/command-line/run.ts';
import { copyEmbedded } from '../packages/server/test/support/embedded-template.ts';
import { runK6Script } from './support/k6.ts';
import { root } from './support/program.ts';
import { type RunningServer, settingsOf, startServer } from './support/server.ts';

const script = join(root, 'deploy/load/journey.k6.js');
const account = { email: 'journey@example.com', password: 'correct horse battery' };

let directory: string;
let server: RunningServer;

beforeAll(async () => {
  directory = await copyEmbedded();
  server = await startServer({ database: 'embedded', dataDirectory: directory });
  const settings = settingsOf({ database: 'embedded' }, directory, Number(new URL(server.url).port));
  const create = ['user', 'create', '--email', account.email, '--name', 'Journey', '--password-stdin'];
  expect(await runLatchkey(create, settings, account.password)).toMatchObject({ code: 0, stderr: '' });
});

afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

function run(accounts: readonly object[]) {
  const file = join(directory, 'accounts.json');
  writeFileSync(file, JSON.stringify(accounts));
  return runK6Script(script, { URL: server.url, ACCOUNTS: file });
}

it('has the types of k6', () => {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const options = [
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--allowJs',
    '--checkJs',
    '--types',
    'k6',
    '--lib',
    'esnext',
  ];
  const check = (...more: string[]) =>
    spawnSync(
      process.execPath,
      [compiler, ...options, '--module', 'esnext', '--moduleResolution', 'bundler', ...more],
      {
        cwd: root,
        encoding: 'utf8',
      },
    );
  expect(check(script)).toMatchObject({ status: 0, stdout: '' });
  const faulty = join(directory, 'faulty.js');
  writeFileSync(faulty, "import http from 'k6/http';\nhttp.got('/');\n");
  expect(check(faulty, '--typeRoots', join(root, 'node_modules/@types')).stdout).toContain("'got' does not exist");
});

it('logs in, uses, refreshes and ends a session; the thresholds are those of the service', async () => {
  const { requests, checks, thresholds } = await run([account]);
  expect(requests.map(({ name, status }) => `${name} ${status}`)).toEqual([
    '/auth/login 200',
    ...Array(3).fill('/auth/session 200'),
    '/auth/refresh 200',
    '/auth/session 200',
    '/auth/logout 200',
    'ended 401',
  ]);
  expect(requests.filter(({ isFailed }) => isFailed)).toEqual([]);
  expect(Object.keys(checks)).toHaveLength(6);
  expect(Object.values(checks).every((holds) => holds)).toBe(true);
  expect(thresholds).toEqual({
    http_req_duration: ['p(95)<200'],
    http_req_failed: ['rate<0.001'],
    checks: ['rate>0.999'],
  });
});

it('a login that is refused fails its check and counts as failed', async () => {
  const { requests, checks } = await run([{ ...account, password: 'wrong horse battery' }]);
  expect(requests).toEqual([expect.objectContaining({ name: '/auth/login', status: 401, isFailed: true })]);
  expect(checks).toEqual({ 'login is 200': false });
});
