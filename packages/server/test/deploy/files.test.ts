/** The files of `deploy/` for one machine, read by the programs that they are for: each accepts them, and refuses a planted fault. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { provideCaddy } from '../support/caddy.ts';
import { makeCertificate } from '../support/certificates.ts';
import { type DebianPackage, installPackage } from '../support/debian-packages.ts';
import { readDeployFile, replaceOnce } from '../support/edge.ts';
import { provideNginx } from '../support/nginx.ts';

const deploy = join(import.meta.dirname, '../../../../deploy');

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-deploy-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface Verdict {
  readonly code: number | null;
  readonly output: string;
}

function run(command: string, parameters: readonly string[], env: Readonly<Record<string, string>> = {}): Verdict {
  const { status, error, stdout, stderr } = spawnSync(command, parameters, {
    cwd: directory,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  return { code: status, output: stdout + stderr };
}

function write(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

/** Installs it where it is missing: these programs need their libraries at their place. */
function provide(program: string, wanted: DebianPackage): string {
  if (spawnSync('which', [program]).status !== 0) installPackage(wanted);
  return program;
}

describe('docker-compose', () => {
  const compose = provide('docker-compose', {
    name: 'docker-compose',
    need: 'These tests need the program docker-compose (Debian: apt-get install docker-compose).',
  });

  function check(text: string, env: Readonly<Record<string, string>> = { LATCHKEY_SITE: 'auth.example.com' }): Verdict {
    mkdirSync(join(directory, 'secrets'));
    cpSync(join(deploy, 'compose'), join(directory, 'compose'), { recursive: true });
    // Debian's version is from before the name of a project had a place in the file.
    const file = write('compose.yaml', replaceOnce(text, 'name: latchkey\n', ''));
    return run(compose, ['--file', file, 'config', '--quiet'], env);
  }

  const text = readDeployFile('compose.yaml');

  it('accepts compose.yaml', () => {
    expect(check(text)).toEqual({ code: 0, output: '' });
  });

  it('refuses an unknown key, a wrong type and a missing site', () => {
    expect(check(replaceOnce(text, 'mem_limit: 1g', 'memory_limit: 1g'))).toMatchObject({
      code: 1,
      output: expect.stringContaining('memory_limit'),
    });
    rmSync(join(directory, 'secrets'), { recursive: true });
    expect(check(replaceOnce(text, 'cap_drop: [ALL]', 'cap_drop: ALL')).output).toContain('cap_drop');
    rmSync(join(directory, 'secrets'), { recursive: true });
    expect(check(text, { LATCHKEY_SITE: '' }).output).toContain('set it in .env to the host of the public URL');
  });
});

describe('systemd', () => {
  const analyze = provide('systemd-analyze', {
    name: 'systemd',
    need: 'These tests need the program systemd-analyze (Debian: apt-get install systemd).',
  });
  /** Of ten; lower is better. The score of an unprotected unit is above nine. */
  const worstScore = 2;

  /** It exits with 0 for an unknown directive, which it only reports. */
  function verify(text: string): string {
    const runnable = replaceOnce(text, 'ExecStart=/opt/%N/node', `ExecStart=${process.execPath}`);
    return run(analyze, ['verify', write('latchkey.service', runnable)]).output;
  }

  function score(text: string): number {
    const { output } = run(analyze, ['security', '--offline=true', write('latchkey.service', text)]);
    return Number(/Overall exposure level for latchkey\.service: ([\d.]+)/.exec(output)?.[1]);
  }

  const text = readDeployFile('systemd/latchkey.service');

  it('accepts the unit, whose exposure is low', () => {
    expect(verify(text)).toBe('');
    expect(score(text)).toBeLessThan(worstScore);
  });

  it('reports an unknown directive, a wrong value and a missing program', () => {
    expect(verify(replaceOnce(text, 'ProtectClock=', 'ProtectClocks='))).toMatch(/Unknown key.*'ProtectClocks'/);
    expect(verify(replaceOnce(text, 'TimeoutStopSec=45', 'TimeoutStopSec=soon'))).toContain('soon');
    expect(run(analyze, ['verify', write('latchkey.service', text)]).output).toContain('is not executable');
  });

  it('scores a unit without its protection worse', () => {
    const open = text.replaceAll(/^(?:Protect|Private|Restrict|SystemCall|Capability|NoNew|User).*\n/gm, '');
    expect(score(open)).toBeGreaterThan(worstScore * 3);
  });
});

describe('caddy', () => {
  function validate(text: string): Verdict {
    const file = write('Caddyfile', text);
    write('latchkey.nodes', readDeployFile('compose/latchkey.nodes'));
    const env = { LATCHKEY_SITE: 'auth.example.com', XDG_DATA_HOME: directory };
    return run(provideCaddy(), ['validate', '--config', file, '--adapter', 'caddyfile'], env);
  }

  it('accepts the Caddyfile, and refuses an unknown directive and a missing site', () => {
    const text = readDeployFile('Caddyfile');
    expect(validate(text)).toMatchObject({ code: 0, output: expect.stringContaining('Valid configuration') });
    expect(validate(replaceOnce(text, 'health_uri', 'health_url')).output).toContain(
      'unrecognized subdirective health_url',
    );
    expect(validate(replaceOnce(text, 'import latchkey.nodes', 'import other.nodes')).code).toBe(1);
  });

  it('checks the health of the nodes, sends nothing twice but GETs, and hides the traces of strangers', () => {
    const { code } = validate(readDeployFile('Caddyfile'));
    expect(code).toBe(0);
    const adapted = run(provideCaddy(), ['adapt', '--config', join(directory, 'Caddyfile'), '--adapter', 'caddyfile'], {
      LATCHKEY_SITE: 'auth.example.com',
    });
    const [proxy] = findHandlers(
      JSON.parse(adapted.output.split('\n').find((line) => line.startsWith('{"admin"')) ?? '{}'),
    );
    expect(proxy).toMatchObject({
      health_checks: { active: { uri: '/readyz', interval: 1_000_000_000 }, passive: { fail_duration: 5_000_000_000 } },
      headers: { request: { delete: ['traceparent', 'tracestate'] } },
    });
    // By default Caddy sends nothing but GETs again; a matcher would add others.
    expect(JSON.stringify(proxy)).not.toContain('retry_match');
  });
});

describe('nginx', () => {
  function test(text: string): string {
    const { cert, key } = makeCertificate(['auth.example.com']);
    const conf = text
      .replaceAll('/etc/letsencrypt/live/auth.example.com/fullchain.pem', write('cert.pem', cert))
      .replaceAll('/etc/letsencrypt/live/auth.example.com/privkey.pem', write('key.pem', key));
    const main = `pid ${directory}/pid; events {} http { access_log off; include ${write('latchkey.conf', conf)}; }`;
    return run(provideNginx(), ['-t', '-e', 'stderr', '-p', directory, '-c', write('nginx.conf', main)]).output;
  }

  it('accepts nginx.conf, and refuses an unknown directive', () => {
    const text = readDeployFile('nginx.conf');
    expect(test(text)).toContain('syntax is ok');
    expect(test(replaceOnce(text, 'proxy_next_upstream_timeout', 'proxy_next_timeout'))).toContain(
      'unknown directive "proxy_next_timeout"',
    );
  });
});

it('the commands of the service are for root alone', () => {
  const script = join(directory, 'latchkey');
  copyFileSync(join(deploy, 'systemd/latchkey'), script);
  const id = write('id', '#!/bin/sh\necho 1000\n');
  run('chmod', ['755', script, id]);
  const { code, output } = run(script, ['doctor'], { PATH: `${directory}:${process.env.PATH}` });
  expect([code, output]).toEqual([
    1,
    'latchkey: run this as root, which alone can read the secrets in /etc/latchkey\n',
  ]);
});

/** The handlers that lead requests to nodes, anywhere in Caddy's JSON. */
function findHandlers(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = (value as { readonly handler?: string }).handler === 'reverse_proxy' ? [value] : [];
  return [...own, ...Object.values(value).flatMap(findHandlers)];
}
