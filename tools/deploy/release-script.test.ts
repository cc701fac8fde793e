import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { provideProgram } from '../../packages/server/test/support/debian-packages.ts';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { root } from '../steps.ts';

const digest = `sha256:${'5'.repeat(64)}`;
const image = `ghcr.io/example/latchkey@${digest}`;

/**
 * A program named kubectl that keeps a cluster's state in files: `active` (color), `ready` (pods of the idle color), `job` (condition).
 * It writes each command into `calls`.
 */
const kubectl = `#!/bin/sh
echo "$*" >> "$STATE/calls"
case "$*" in
  *'get service latchkey'*) cat "$STATE/active" ;;
  *'get deployment latchkey-blue'*) cat "$STATE/ready-blue" ;;
  *'get deployment latchkey-green'*) cat "$STATE/ready-green" ;;
  *'get job'*) cat "$STATE/job" ;;
  *'patch service'*) echo "$*" | sed 's/.*instance":"\\([a-z]*\\)".*/\\1/' > "$STATE/active" ;;
  *'rollout status'*) exit "$(cat "$STATE/rollout")" ;;
esac
`;

let directory: string;
const inState = (name: string) => join(directory, 'state', name);
const write = (name: string, text: string) => writeFileSync(inState(name), text);
const read = (name: string) => readFileSync(inState(name), 'utf8').trim();
const overlay = () => readFileSync(join(directory, 'kubernetes/overlays/production/kustomization.yaml'), 'utf8');

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-release-'));
  mkdirSync(join(directory, 'state'));
  mkdirSync(join(directory, 'bin'));
  cpSync(join(root, 'deploy/kubernetes'), join(directory, 'kubernetes'), { recursive: true });
  writeFileSync(join(directory, 'bin/kubectl'), kubectl);
  chmodSync(join(directory, 'bin/kubectl'), 0o755);
  for (const [name, text] of Object.entries({ active: 'blue', job: 'Complete', rollout: '0', calls: '' }))
    write(name, text);
  write('ready-blue', '3');
  write('ready-green', '3');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function release(
  target: string,
  settings: Readonly<Record<string, string>> = {},
  meanwhile: (child: ChildProcess) => Promise<void> = async () => undefined,
) {
  const { PATH = '' } = process.env;
  const env = { PATH: `${join(directory, 'bin')}:${PATH}`, STATE: join(directory, 'state') };
  const child = spawn('sh', [join(directory, 'kubernetes/release.sh'), 'production', target], {
    env: { ...env, INTERVAL_SECONDS: '0.02', WATCH_SECONDS: '0.1', ...settings },
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => output.push(text.toString()));
  const closed = once(child, 'close');
  await meanwhile(child);
  const [code] = (await closed) as [number];
  return { code, output: output.join(''), calls: read('calls').split('\n') };
}

describe('a release to Kubernetes', { timeout: 60_000 }, () => {
  it('migrates, starts the idle color, and only then switches', async () => {
    const { code, output, calls } = await release(image);
    expect([code, read('active')]).toEqual([0, 'green']);
    expect(output).toContain(`green serves ${image}`);
    const position = (part: string) => calls.findIndex((call) => call.includes(part));
    const order = [
      'delete job latchkey-migration-green',
      'component in (settings,migration)',
      'get job latchkey-migration-green',
      'component in (server,doctor)',
      'scale deployment latchkey-green --replicas 3',
      'rollout status deployment latchkey-green',
      'patch service latchkey',
      'patch cronjob latchkey-doctor-blue',
    ].map(position);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(order[0]).toBeGreaterThan(0);
    expect(calls.filter((call) => call.startsWith('apply')).every((call) => call.includes('instance=green,'))).toBe(
      true,
    );
  });

  it('writes the digest of the idle color alone', async () => {
    await release(image);
    expect(overlay()).toContain(
      `- name: latchkey-green\n    newName: ghcr.io/example/latchkey\n    digest: ${digest}\n`,
    );
    expect(overlay()).toContain(
      '- name: latchkey-blue\n    newName: registry.example.com/latchkey\n    newTag: 0.1.0\n',
    );
    write('active', 'green');
    await release(image);
    expect(overlay().split(`digest: ${digest}\n`)).toHaveLength(3);
  });

  it.each([
    ['its migration fails', () => write('job', 'Failed'), 'the migration failed'],
    ['its pods do not become ready', () => write('rollout', '1'), 'does not become ready'],
  ])('leaves the color that serves when %s', async (_, fail, sentence) => {
    fail();
    const { code, output, calls } = await release(image);
    expect([code, read('active')]).toEqual([1, 'blue']);
    expect(output).toContain(sentence);
    expect(calls.some((call) => call.includes('patch service'))).toBe(false);
  });

  it('returns when its pods are not ready', async () => {
    write('ready-green', '1');
    const { code, output } = await release(image);
    expect([code, read('active')]).toEqual([1, 'blue']);
    expect(output).toContain('1 of 3 pods are ready. blue serves again.');
  });

  it.each([
    ['too many requests fail', '0.2', 1, 'blue', '0.2 of the requests fail'],
    ['few requests fail', '0.001', 0, 'green', 'green serves'],
    ['there are no requests', 'NaN', 0, 'green', 'green serves'],
  ])('reads the share of failed requests: %s', async (_, ratio, expected, color, sentence) => {
    await using prometheus = await fakePrometheus(() => ({
      status: 'success',
      data: { result: [{ value: [0, ratio] }] },
    }));
    const { code, output } = await release(image, { PROMETHEUS_URL: prometheus.url });
    expect([code, read('active')]).toEqual([expected, color]);
    expect(output).toContain(sentence);
    expect(prometheus.queries[0]).toContain('http_requests_total{job="latchkey",status_code=~"5.."}');
  });

  it('returns when Prometheus cannot tell', async () => {
    await using prometheus = await fakePrometheus(() => ({ status: 'error' }));
    const { code, output } = await release(image, { PROMETHEUS_URL: prometheus.url });
    expect([code, read('active')]).toEqual([1, 'blue']);
    expect(output).toContain('Prometheus refuses the query. blue serves again.');
  });

  it('returns when it is stopped while it watches', async () => {
    const running = release(image, { WATCH_SECONDS: '600' }, async (child) => {
      await eventually(() => read('active') === 'green', { what: 'the switch' });
      child.kill('SIGTERM');
    });
    const { code, output } = await running;
    expect([code, read('active')]).toEqual([1, 'blue']);
    expect(output).toContain('stopped while watching. blue serves again.');
  });

  it('goes back by hand, to pods that are ready only', async () => {
    expect([(await release('back')).code, read('active')]).toEqual([0, 'green']);
    write('ready-blue', '');
    const { code, output } = await release('back');
    expect([code, read('active')]).toEqual([1, 'green']);
    expect(output).toContain('blue has no pod that is ready');
  });

  it.each([
    ['ghcr.io/example/latchkey:1.0.0', 'has no digest'],
    ['latchkey@sha1:5', 'has no digest'],
  ])('refuses the image %s', async (target, sentence) => {
    const { code, output } = await release(target);
    expect([code, output]).toEqual([1, expect.stringContaining(sentence)]);
  });
});

it('the scripts are accepted by shellcheck', () => {
  const need = 'This test needs shellcheck (Debian: apt-get install shellcheck).';
  const shellcheck = provideProgram('shellcheck', { name: 'shellcheck', need });
  const files = readdirSync(join(root, 'deploy'), { recursive: true, encoding: 'utf8' });
  const scripts = [...files.filter((file) => file.endsWith('.sh')), 'systemd/latchkey'].map((file) =>
    join(root, 'deploy', file),
  );
  expect(scripts).toHaveLength(5);
  expect(spawnSync(shellcheck, scripts, { encoding: 'utf8' })).toMatchObject({ status: 0, stdout: '' });
  const faulty = inState('faulty.sh');
  writeFileSync(faulty, '#!/bin/sh\nrm $1/*\n');
  expect(spawnSync(shellcheck, [faulty], { encoding: 'utf8' }).stdout).toContain('SC2086');
});

it('a workflow identifies itself to the cluster by a token of GitHub, until that expires', async () => {
  const expires = 1_900_000_000;
  const token = `e30.${Buffer.from(JSON.stringify({ exp: expires, sub: 'repo:a/b?>' })).toString('base64url')}.c2ln`;
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(request.url, request.headers.authorization);
    response.end(JSON.stringify({ value: token }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const child = spawn('sh', [join(root, 'deploy/kubernetes/workflow-token.sh')], {
    env: {
      PATH: process.env.PATH ?? '',
      ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of-the-job',
      CLUSTER_URL: 'https://cluster.example.com:6443',
    },
  });
  const output: string[] = [];
  child.stdout.on('data', (text: Buffer) => output.push(text.toString()));
  expect(await once(child, 'close')).toEqual([0, null]);
  server.close();
  expect(JSON.parse(output.join(''))).toEqual({
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { token, expirationTimestamp: new Date(expires * 1000).toISOString().replace('.000', '') },
  });
  // Versions of curl differ in the case of percent-encoding.
  expect([decodeURIComponent(seen[0] ?? ''), seen[1]]).toEqual([
    '/token?api-version=2.0&audience=https://cluster.example.com:6443',
    'bearer of-the-job',
  ]);
});

async function fakePrometheus(respond: () => object) {
  const queries: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (text: Buffer) => {
      body += text.toString();
    });
    request.on('end', () => {
      queries.push(new URLSearchParams(body).get('query') ?? '');
      response.end(JSON.stringify(respond()));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, queries, [Symbol.asyncDispose]: async () => void (await new Promise((done) => server.close(done))) };
}
