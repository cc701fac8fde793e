/**
 * Runs a script for k6 once, without k6: its modules, as far as the script uses them, over synchronous requests as k6 has them.
 * `runK6Script` starts it in a process of its own, in which Node itself loads the script.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { K6Request, K6Run } from './k6.ts';

interface Parameters {
  readonly headers?: Readonly<Record<string, string>>;
  readonly tags?: { readonly name?: string };
  readonly responseCallback?: readonly number[];
}

interface Script {
  readonly options: { readonly thresholds: Readonly<Record<string, readonly string[]>> };
  readonly default: () => void;
}

interface Shim {
  readonly requests: K6Request[];
  readonly checks: Map<string, boolean>;
}

const shared = globalThis as unknown as { k6: Record<string, unknown>; __ENV: object; open: (path: string) => string };

/** The sources of k6's modules, which hand on what `startShim` provides. */
const modules: Readonly<Record<string, string>> = {
  k6: 'export const { check, sleep } = globalThis.k6;',
  'k6/data': 'export const { SharedArray } = globalThis.k6;',
  'k6/http': 'export default globalThis.k6.http;',
};

const [script = '', settings = '{}'] = process.argv.slice(2);
const shim: Shim = { requests: [], checks: new Map() };
startShim(shim, JSON.parse(settings) as Record<string, string>);
provideModules();
const loaded = (await import(pathToFileURL(script).href)) as Script;
loaded.default();
const run: K6Run = {
  requests: shim.requests,
  checks: Object.fromEntries(shim.checks),
  thresholds: loaded.options.thresholds,
};
process.stdout.write(JSON.stringify(run));

function provideModules(): void {
  registerHooks({
    resolve: (specifier, context, next) =>
      modules[specifier] === undefined
        ? next(specifier, context)
        : { url: `k6:${specifier}`, format: 'module', shortCircuit: true },
    load: (url, context, next) =>
      url.startsWith('k6:')
        ? { format: 'module', source: modules[url.slice('k6:'.length)] ?? '', shortCircuit: true }
        : next(url, context),
  });
}

function startShim(shim: Shim, env: Readonly<Record<string, string>>): void {
  shared.__ENV = env;
  shared.open = (path) => readFileSync(path, 'utf8');
  shared.k6 = {
    sleep: () => undefined,
    SharedArray: function SharedArray(_name: string, make: () => unknown[]) {
      return make();
    },
    check: (value: unknown, conditions: Readonly<Record<string, (value: unknown) => boolean>>) => {
      const results = Object.entries(conditions).map(([name, holds]) => [name, holds(value)] as const);
      for (const [name, holds] of results) shim.checks.set(name, holds && shim.checks.get(name) !== false);
      return results.every(([, holds]) => holds);
    },
    http: {
      expectedStatuses: (...statuses: number[]) => statuses,
      get: (url: string, parameters: Parameters) => send(shim, 'GET', url, undefined, parameters),
      post: (url: string, body: string, parameters: Parameters) => send(shim, 'POST', url, body, parameters),
    },
  };
}

/** k6's requests block, so a program sends them. */
function send(shim: Shim, method: string, url: string, body: string | undefined, parameters: Parameters) {
  const { headers = {}, tags = {}, responseCallback } = parameters;
  const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const format = ['-w', '\n%{http_code} %{time_total}', '-m', '30'];
  const data = body === undefined ? [] : ['--data-binary', '@-'];
  const { status, stdout, stderr } = spawnSync('curl', ['-sS', '-X', method, ...fields, ...format, ...data, url], {
    input: body ?? '',
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`curl failed: ${stderr}`);
  const end = stdout.lastIndexOf('\n');
  const [code = 0, seconds = 0] = stdout
    .slice(end + 1)
    .split(' ')
    .map(Number);
  const isFailed = responseCallback === undefined ? code < 200 || code >= 400 : !responseCallback.includes(code);
  shim.requests.push({ name: tags.name ?? url, status: code, milliseconds: seconds * 1000, isFailed });
  return { status: code, json: (path: string) => memberOf(JSON.parse(stdout.slice(0, end)), path) };
}

function memberOf(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], value);
}
