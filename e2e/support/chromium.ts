import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { installPackage } from '../../packages/server/test/support/debian-packages.ts';

const program = '/usr/bin/chromium';

/** Starts Debian's Chromium, which is installed when it is missing and this is root. */
export function openChromium(): Promise<Browser> {
  const need = 'These tests need the browser Chromium (Debian: apt-get install chromium).';
  if (!existsSync(program)) installPackage({ name: 'chromium', need });
  if (!existsSync(program)) throw new Error(`${need} Tried: the package "chromium" brought no such program`);
  // Its sandbox needs privileges that a container does not give; it meets pages of these tests only.
  return chromium.launch({ executablePath: program, args: ['--no-sandbox'] });
}
