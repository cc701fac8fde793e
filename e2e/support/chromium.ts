import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { installPackage } from '../../packages/server/test/support/debian-packages.ts';

const program = '/usr/bin/chromium-headless-shell';
const name = 'chromium-headless-shell';

/**
 * Starts Debian's Chromium without the window that nobody sees, which takes as much CPU time as the pages; as root,
 * installs it when it is missing.
 */
export function openChromium(args: readonly string[] = []): Promise<Browser> {
  const need = `These tests need the browser Chromium (Debian: apt-get install ${name}).`;
  if (!existsSync(program)) installPackage({ name, need });
  if (!existsSync(program)) throw new Error(`${need} Tried: the package "${name}" did not provide it`);
  // The sandbox needs privileges that containers lack; the browser opens only pages of these tests.
  return chromium.launch({ executablePath: program, args: ['--no-sandbox', ...args] });
}
