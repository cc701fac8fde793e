import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { installPackage } from '../../packages/server/test/support/debian-packages.ts';

const program = '/usr/bin/chromium';

/** Starts Debian's Chromium; as root, installs it when it is missing. */
export function openChromium(args: readonly string[] = []): Promise<Browser> {
  const need = 'These tests need the browser Chromium (Debian: apt-get install chromium).';
  if (!existsSync(program)) installPackage({ name: 'chromium', need });
  if (!existsSync(program)) throw new Error(`${need} Tried: the package "chromium" did not provide it`);
  // The sandbox needs privileges that containers lack; the browser opens only pages of these tests.
  return chromium.launch({ executablePath: program, args: ['--no-sandbox', ...args] });
}
