/** Rules for the Dockerfile that its syntax does not require. */

export interface Instruction {
  readonly name: string;
  readonly value: string;
}

const known = 'ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL RUN USER WORKDIR'.split(' ');
const digest = /@sha256:[0-9a-f]{64}$/;
const secretName = /(?:SECRET|PASSWORD|TOKEN|KEK|CREDENTIAL|_KEY|_URL)=/;
/** The ports that the configuration has as defaults, and the id that Kubernetes and compose name. */
const ports = '5625 5626';
const user = '65532:65532';

/** Joins continued lines and leaves out comments. */
export function readDockerfile(text: string): Instruction[] {
  const lines = text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .join('\n')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n');
  return lines.filter((line) => line.trim() !== '').map(toInstruction);
}

function toInstruction(line: string): Instruction {
  const [, name = '', value = ''] = /^(\S+)\s+(.*)$/.exec(line.trim()) ?? [line];
  return { name, value };
}

/** One sentence for each broken rule. */
export function dockerfileFaults(instructions: readonly Instruction[]): string[] {
  const final = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'));
  return [...wholeFaults(instructions), ...baseFaults(instructions), ...finalFaults(final)];
}

function wholeFaults(instructions: readonly Instruction[]): string[] {
  return instructions.flatMap(({ name, value }) => [
    ...(known.includes(name) ? [] : [`${name} is no instruction that this file may have`]),
    ...((name === 'ENV' || name === 'ARG') && secretName.test(value) ? [`${name} ${value} may hold a secret`] : []),
  ]);
}

/** A base is an argument, so that another registry can stand in, and its default is pinned. */
function baseFaults(instructions: readonly Instruction[]): string[] {
  const defaults = new Map(
    instructions.filter(({ name }) => name === 'ARG').map(({ value }) => splitOnce(value, '=') as [string, string]),
  );
  const bases = instructions.filter(({ name }) => name === 'FROM');
  const faults = bases.flatMap(({ value }) => {
    const argument = /^\$\{(\w+)\}/.exec(value)?.[1];
    if (argument === undefined) return [`the base ${value} is no argument`];
    return digest.test(defaults.get(argument) ?? '') ? [] : [`the base ${argument} is not pinned by its digest`];
  });
  return bases.length < 2 ? [...faults, 'the image has what only the build needs'] : faults;
}

function finalFaults(final: readonly Instruction[]): string[] {
  const lastOf = (name: string) => final.findLast((instruction) => instruction.name === name)?.value;
  const isExec = (name: string, value = lastOf(name)) => value !== undefined && /\[".+"\]$/.test(value);
  const rules: readonly (readonly [sentence: string, breaks: boolean])[] = [
    ['the image does not run as its user, by number', lastOf('USER') !== user],
    ['there is no health check that works without a shell', !isExec('HEALTHCHECK')],
    ['the entry point needs a shell', !isExec('ENTRYPOINT') || !isExec('CMD')],
    ['the ports are not those of the defaults', lastOf('EXPOSE') !== ports],
    ['a command runs in the final stage, which has no shell', final.some(({ name }) => name === 'RUN')],
    ['the mode is not production', !/\bNODE_ENV=production\b/.test(lastOf('ENV') ?? '')],
    ['SIGUSR1 opens the debugger', !(lastOf('ENTRYPOINT') ?? '').includes('"--disable-sigusr1"')],
  ];
  return rules.filter(([, breaks]) => breaks).map(([sentence]) => sentence);
}

/** The files of the repository that the build copies. */
export function copiedPaths(instructions: readonly Instruction[]): string[] {
  const copies = instructions.filter(({ name, value }) => name === 'COPY' && !value.includes('--from='));
  return copies.flatMap(({ value }) => value.split(/\s+/).slice(0, -1));
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const index = text.indexOf(separator);
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + separator.length)];
}
