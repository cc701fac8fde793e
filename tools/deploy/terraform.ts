/** The rules that the Terraform module in deploy/terraform keeps. It is parsed, and neither planned nor applied. */
import { goFunction } from './go-program.ts';
import { isSecretValue } from './pod-rules.ts';

const parse = goFunction<[name: string, text: string], Module>('@cdktf/hcl2json', 'parse');

/** Blocks by type, name and so on, as hcl2json represents them: the innermost are lists. An expression is text within `${…}`. */
export interface Module {
  readonly terraform?: readonly Block[];
  readonly variable?: Readonly<Record<string, readonly Block[]>>;
  readonly output?: Readonly<Record<string, readonly Block[]>>;
  readonly locals?: readonly Block[];
  readonly resource?: Readonly<Record<string, Readonly<Record<string, readonly Block[]>>>>;
}
type Block = Readonly<Record<string, unknown>>;

/** @throws Error with the position of a syntax error. */
export async function readModule(files: Readonly<Record<string, string>>): Promise<Module> {
  const parsed = await Promise.all(Object.entries(files).map(([name, text]) => parse(name, text)));
  return {
    terraform: parsed.flatMap(({ terraform = [] }) => terraform),
    locals: parsed.flatMap(({ locals = [] }) => locals),
    variable: Object.assign({}, ...parsed.map(({ variable }) => variable)) as NonNullable<Module['variable']>,
    output: Object.assign({}, ...parsed.map(({ output }) => output)) as NonNullable<Module['output']>,
    resource: mergeResources(parsed),
  };
}

function mergeResources(parsed: readonly Module[]): NonNullable<Module['resource']> {
  const merged: Record<string, Record<string, readonly Block[]>> = {};
  for (const [type, named] of parsed.flatMap(({ resource = {} }) => Object.entries(resource)))
    merged[type] = { ...merged[type], ...named };
  return merged;
}

/** One sentence for each broken rule. */
export function moduleFaults(module: Module): string[] {
  return [...secretFaults(module), ...declarationFaults(module), ...containerFaults(module), ...networkFaults(module)];
}

/** Attributes whose name says that they hold a secret, except those that name one. */
const secretName = /password|passphrase|private_key|api_key|access_key|(?:^|_)(?:token|kek|secret)$/i;

function secretFaults(module: Module): string[] {
  const faults: string[] = [];
  visit(module, [], (path, value) => {
    const isLiteral =
      typeof value === 'string' && value !== '' && !value.startsWith('${') && !value.startsWith('aws-sm:');
    if (isLiteral && secretName.test(path.at(-1) ?? '')) faults.push(`${path.join('.')} has a literal secret`);
    const texts =
      typeof value === 'string' ? [value, ...[...value.matchAll(/"([^"]*)"/g)].map(([, text = '']) => text)] : [];
    if (texts.some(isSecretValue)) faults.push(`${path.join('.')} has a literal secret`);
  });
  const settings = String(module.locals?.[0]?.settings);
  const named = [...settings.matchAll(/(LATCHKEY_KEK|DATABASE_URL|REDIS_URL|SMTP_URL)\s*=\s*"([^"]*)"/g)];
  const literal = named
    .filter(([, , value = '']) => !value.startsWith('aws-sm:'))
    .map(([, name]) => `${name} is no reference`);
  return [...faults, ...literal, ...(named.length < 3 ? ['the settings lack a secret'] : [])];
}

function visit(value: unknown, path: readonly string[], see: (path: readonly string[], value: unknown) => void): void {
  see(path, value);
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) visit(member, [...path, name], see);
}

function declarationFaults({ terraform = [], variable = {}, output = {} }: Module): string[] {
  const [settings = {}] = terraform;
  const providers = Object.values((settings.required_providers as readonly Block[] | undefined)?.[0] ?? {});
  const undescribed = Object.entries({ ...variable, ...output }).filter(
    ([, [block]]) => typeof block?.description !== 'string',
  );
  const untyped = Object.entries(variable).filter(([, [block]]) => block?.type === undefined);
  return [
    ...(settings.required_version === undefined ? ['requires no version of Terraform'] : []),
    ...(providers.length === 0 || providers.some((provider) => (provider as Block).version === undefined)
      ? ['requires no version of a provider']
      : []),
    ...undescribed.map(([name]) => `${name} has no description`),
    ...untyped.map(([name]) => `variable ${name} has no type`),
  ];
}

function containerFaults({ locals = [], variable = {}, resource = {} }: Module): string[] {
  const container = (locals[0]?.container ?? {}) as Block;
  const service = resource.aws_ecs_service?.latchkey?.[0] ?? {};
  const breaker = (service.deployment_circuit_breaker as readonly Block[] | undefined)?.[0];
  const capabilities = (container.linuxParameters as { readonly capabilities?: { readonly drop?: readonly string[] } })
    ?.capabilities;
  const rules: readonly (readonly [string, boolean])[] = [
    ['the container can write to its image', container.readonlyRootFilesystem !== true],
    ['the container may run as root', container.user !== '65532:65532'],
    ['the container keeps capabilities', capabilities?.drop?.includes('ALL') !== true],
    ['the container is killed before the drain is over', !(Number(container.stopTimeout) >= 15 + 25 + 10)],
    ['an image without a digest is accepted', !imageCondition(variable).includes('@sha256:[0-9a-f]{64}$')],
    ['a failed release stays', breaker?.enable !== true || breaker.rollback !== true],
    ['has fewer tasks while it is updated', service.deployment_minimum_healthy_percent !== 100],
    ['logs are kept for ever', resource.aws_cloudwatch_log_group?.latchkey?.[0]?.retention_in_days === undefined],
  ];
  return rules.filter(([, breaks]) => breaks).map(([sentence]) => sentence);
}

function imageCondition(variable: NonNullable<Module['variable']>): string {
  const [validation] = (variable.image?.[0]?.validation as readonly Block[] | undefined) ?? [];
  return String(validation?.condition);
}

function networkFaults({ resource = {} }: Module): string[] {
  const open = Object.entries(resource.aws_vpc_security_group_ingress_rule ?? {}).filter(
    ([, [rule]]) => rule?.referenced_security_group_id === undefined,
  );
  const check = (resource.aws_lb_target_group?.latchkey?.[0]?.health_check as readonly Block[] | undefined)?.[0];
  const isProbed = check?.path === '/readyz' && check.port === '5626';
  return [
    ...open.map(([name]) => `${name}: admits addresses instead of a security group`),
    ...(isProbed ? [] : ["the load balancer does not ask /readyz on the operator's port"]),
  ];
}
