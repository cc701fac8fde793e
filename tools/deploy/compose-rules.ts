/** Rules for `compose.yaml` that its syntax does not require. */
import { parse } from 'yaml';

export interface Service {
  readonly image?: string;
  readonly build?: unknown;
  readonly command?: unknown;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly unknown[];
  readonly secrets?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition?: string }>>;
  readonly healthcheck?: { readonly test?: readonly string[] };
  readonly networks?: readonly string[] | Readonly<Record<string, unknown>>;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly read_only?: boolean;
  readonly restart?: string;
  readonly mem_limit?: string;
  readonly pids_limit?: number;
  readonly stop_grace_period?: string;
}

export interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file?: string }>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
}

/** The rest of an orderly stop is within ten seconds. */
const stopSeconds = 45;
const pinned = /@sha256:[0-9a-f]{64}$/;
/** A URL with a login, or a key in base64. */
const secretValue = /:\/\/[^/@\s]*:[^/@\s]+@|^[A-Za-z0-9+/]{43}=$|PRIVATE KEY/;

type Rule = readonly [sentence: string, breaks: boolean];

/** @throws Error for a repeated key and other errors of syntax. */
export function readCompose(text: string): Compose {
  return parse(text, { merge: true }) as Compose;
}

/** One sentence for each broken rule. */
export function composeFaults({ services, secrets, networks }: Compose): string[] {
  const faults = Object.entries(services).flatMap(([name, service]) =>
    [
      ...networkRules(service, networks),
      ...hardeningRules(service),
      ...startRules(name, service, services),
      ...secretRules(service),
    ]
      .filter(([, breaks]) => breaks)
      .map(([sentence]) => `${name} ${sentence}`),
  );
  const inline = Object.entries(secrets).filter(([, { file }]) => !/^\.\/secrets\/[\w-]+$/.test(file ?? ''));
  const isOpen = networks.back?.internal !== true;
  return [
    ...faults,
    ...inline.map(([name]) => `the secret ${name} is no file in secrets`),
    ...(isOpen ? ['the network back has a way out'] : []),
  ];
}

function hardeningRules(service: Service): Rule[] {
  const { image = '', build, cap_drop: dropped = [], security_opt: options = [] } = service;
  return [
    ['has an image that is not pinned by its digest', build === undefined && !pinned.test(image)],
    ['can write to its image', service.read_only !== true],
    ['keeps capabilities', !dropped.includes('ALL')],
    ['can gain privileges', !options.includes('no-new-privileges:true')],
    ['has no limit of memory or processes', service.mem_limit === undefined || service.pids_limit === undefined],
  ];
}

function startRules(name: string, service: Service, services: Compose['services']): Rule[] {
  const { command, healthcheck, depends_on: needed = {}, restart } = service;
  const isJob = Array.isArray(command) && command[0] === 'migrate';
  const isServer = Array.isArray(command) && command[0] === 'serve';
  const expected = (other: string) =>
    services[other]?.healthcheck === undefined ? 'service_completed_successfully' : 'service_healthy';
  const waits = Object.entries(needed).every(([other, { condition }]) => condition === expected(other));
  const before = Object.keys(needed);
  return [
    ['publishes a port', name !== 'caddy' && service.ports !== undefined],
    ['has no health check', !isJob && healthcheck?.test?.[0] !== 'CMD'],
    ['is not started again', restart !== (isJob ? 'no' : 'unless-stopped')],
    ['does not wait until what it needs is healthy', !waits],
    ['starts before the schema, the database or Redis', isServer && !hasAll(before, ['migrate', 'postgres', 'redis'])],
    ['starts before the database', isJob && !before.includes('postgres')],
    [
      'is killed before its orderly stop ends',
      isServer && Number.parseInt(service.stop_grace_period ?? '', 10) < stopSeconds,
    ],
  ];
}

function networkRules({ networks: used = [] }: Service, declared: Compose['networks']): Rule[] {
  const names = Array.isArray(used) ? (used as readonly string[]) : Object.keys(used);
  return names.map((name) => [`is in the network ${name}, which does not exist`, !(name in declared)]);
}

function secretRules({ environment = {} }: Service): Rule[] {
  return Object.entries(environment).flatMap(([name, value]): Rule[] => [
    [`has the secret ${name} in its environment`, secretValue.test(value)],
    [`has ${name} outside /run/secrets`, name.endsWith('_FILE') && !value.startsWith('/run/secrets/')],
  ]);
}

function hasAll(all: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((each) => all.includes(each));
}
