import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '../../../../e2e/support/free-port.ts';
import { type DebianPackage, provideProgram } from './debian-packages.ts';
import { eventually } from './wait.ts';

const prometheus: DebianPackage = {
  name: 'prometheus',
  need: 'These tests need the programs prometheus and promtool (Debian: apt-get install prometheus).',
};
const alertmanager: DebianPackage = {
  name: 'prometheus-alertmanager',
  need: 'These tests need the program amtool (Debian: apt-get install prometheus-alertmanager).',
};

export const providePromtool = (): string => provideProgram('promtool', prometheus);
export const provideAmtool = (): string => provideProgram('amtool', alertmanager);

/** One series of an instant query. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface EvaluatedRule {
  readonly name: string;
  readonly health: 'ok' | 'err' | 'unknown';
  readonly lastError?: string;
  readonly state?: 'inactive' | 'pending' | 'firing';
}

/** A Prometheus that scrapes one target every second as the job "latchkey". */
export interface TestPrometheus extends AsyncDisposable {
  /** @throws Error with Prometheus' message when the expression is invalid. */
  query(expression: string): Promise<readonly Sample[]>;
  rules(): Promise<readonly EvaluatedRule[]>;
  /** Waits for a scrape and an evaluation of the rules that begin after this call. */
  nextScrape(): Promise<void>;
}

/** Starts Prometheus on a free port of 127.0.0.1. */
export async function startPrometheus(target: string, ruleFiles: readonly string[]): Promise<TestPrometheus> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-prometheus-'));
  const port = await findFreePort();
  const configuration = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ruleFiles,
    scrape_configs: [{ job_name: 'latchkey', static_configs: [{ targets: [target] }] }],
  };
  const file = join(directory, 'prometheus.json');
  writeFileSync(file, JSON.stringify(configuration));
  const parameters = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=error',
  ];
  const child = spawn(provideProgram('prometheus', prometheus), parameters, { stdio: ['ignore', 'ignore', 'inherit'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const api = new PrometheusApi(`http://127.0.0.1:${port}/api/v1`);
  const isScraping = async () => {
    if (child.exitCode !== null) throw new Error(`prometheus ended with ${child.exitCode}`);
    return api.isScraping();
  };
  try {
    await eventually(isScraping, { what: 'Prometheus has scraped its target', timeoutMs: 30_000 });
  } catch (error) {
    kill();
    throw error;
  }
  return {
    query: (expression) => api.query(expression),
    rules: () => api.rules(),
    nextScrape: () => api.nextScrape(),
    [Symbol.asyncDispose]: async () => {
      process.off('exit', kill);
      const ended = once(child, 'exit');
      kill();
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

interface Vector {
  readonly result: readonly { readonly metric: Sample['labels']; readonly value: readonly [number, string] }[];
}

interface Groups {
  readonly groups: readonly { readonly lastEvaluation: string; readonly rules: readonly EvaluatedRule[] }[];
}

class PrometheusApi {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async query(expression: string): Promise<readonly Sample[]> {
    const { result } = await this.#get<Vector>(`query?query=${encodeURIComponent(expression)}`);
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  async rules(): Promise<readonly EvaluatedRule[]> {
    const { groups } = await this.#get<Groups>('rules');
    return groups.flatMap((group) => group.rules);
  }

  async isScraping(): Promise<boolean> {
    try {
      // It listens before it has read its storage.
      if ((await fetch(`${this.#url}/status/runtimeinfo`)).status === 503) return false;
      return (await this.query('up{job="latchkey"} == 1')).length === 1;
    } catch (error) {
      // Not listening yet.
      if (error instanceof TypeError) return false;
      throw error;
    }
  }

  async nextScrape(): Promise<void> {
    const sinceMs = Date.now();
    const isScraped = async () => {
      const [sample] = await this.query('timestamp(up{job="latchkey"})');
      return (sample?.value ?? 0) * 1000 > sinceMs;
    };
    await eventually(isScraped, { what: 'Prometheus scrapes again' });
    const scrapedMs = Date.now();
    const isEvaluated = async () => {
      const { groups } = await this.#get<Groups>('rules');
      return groups.every((group) => Date.parse(group.lastEvaluation) > scrapedMs);
    };
    await eventually(isEvaluated, { what: 'Prometheus evaluates the rules again' });
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.#url}/${path}`);
    const body = (await response.json()) as { readonly status: string; readonly data: T; readonly error?: string };
    if (body.status !== 'success') throw new Error(`${decodeURIComponent(path)}: ${body.error}`);
    return body.data;
  }
}
