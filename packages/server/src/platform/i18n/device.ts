import type { MessageArguments } from './catalogues.ts';

/** A browser and its system, by their names; absent when they are not known. */
export interface NamedDevice {
  readonly browser?: string | undefined;
  readonly os?: string | undefined;
}

/** Describes a device in the language of `say`: "Firefox on Linux". */
export function sayDevice(
  say: (key: string, values?: MessageArguments) => string,
  { browser, os }: NamedDevice,
): string {
  if (browser !== undefined) return os === undefined ? browser : say('device.on', { browser, os });
  return os === undefined ? say('device.unknown') : say('device.unknown_on', { os });
}
