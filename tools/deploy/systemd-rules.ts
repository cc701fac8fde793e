/** Rules for the systemd unit, beyond what `systemd-analyze` knows. */

/** The values of each directive, in the order of the file. */
export type Unit = ReadonlyMap<string, readonly string[]>;

/** Seconds that an orderly stop takes at most, with the default settings. */
const stopSeconds = 45;
const secrets = { LATCHKEY_KEK: 'kek', DATABASE_URL: 'database-url', SMTP_URL: 'smtp-url' };

export function readUnit(text: string): Unit {
  const lines = text.split('\n').filter((line) => /^\w+=/.test(line));
  const entries = lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const);
  return new Map(
    [...Map.groupBy(entries, ([name]) => name)].map(([name, found]) => [name, found.map(([, value]) => value)]),
  );
}

/** The variables that the unit sets itself. */
export function environmentOf(unit: Unit): Record<string, string> {
  const assignments = (unit.get('Environment') ?? []).flatMap((value) => value.split(/\s+/));
  return Object.fromEntries(assignments.map((each) => each.split('=') as [string, string]));
}

/** One sentence for each broken rule. */
export function unitFaults(unit: Unit): string[] {
  const lastOf = (name: string) => unit.get(name)?.at(-1) ?? '';
  const environment = environmentOf(unit);
  const credentials = unit.get('LoadCredential') ?? [];
  const rules: readonly (readonly [sentence: string, breaks: boolean])[] = [
    ['a bad configuration is started again and again', lastOf('RestartPreventExitStatus') !== '78'],
    ['a crash is not started again', lastOf('Restart') !== 'always'],
    ['it is killed before its orderly stop ends', Number(lastOf('TimeoutStopSec')) < stopSeconds],
    ['it is stopped by another signal', lastOf('KillSignal') !== 'SIGTERM'],
    ['it runs as root', ['', 'root'].includes(lastOf('User'))],
    ['it keeps capabilities', unit.get('CapabilityBoundingSet')?.at(-1) !== ''],
    ['it can gain privileges', lastOf('NoNewPrivileges') !== 'yes'],
    ['it can write to the system', lastOf('ProtectSystem') !== 'strict'],
    ['SIGUSR1 opens the debugger', !lastOf('ExecStart').includes(' --disable-sigusr1 ')],
    ['the mode is not production', environment.NODE_ENV !== 'production'],
    ['V8 cannot compile', lastOf('MemoryDenyWriteExecute') === 'yes'],
    // setpriority(2), of the threads that compute in the background.
    [
      'threads cannot lower their priority',
      (unit.get('SystemCallFilter') ?? []).some((value) => /^~.*@resources/.test(value)),
    ],
  ];
  const exposed = Object.entries(secrets).filter(
    ([name, file]) =>
      environment[`${name}_FILE`] !== `%d/${file}` || !credentials.includes(`${file}:/etc/latchkey/${file}`),
  );
  return [
    ...rules.filter(([, breaks]) => breaks).map(([sentence]) => sentence),
    ...exposed.map(([name]) => `${name} is no credential`),
  ];
}
