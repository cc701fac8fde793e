import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { installPackage } from '../../packages/server/test/support/debian-packages.ts';

const program = '/usr/bin/chromium';

/**
 * The window of a browser has buttons that are pages of their own, with a process each. Without a screen nobody sees them,
 * and they cost a third of the CPU time of a test.
 */
const buttonsOfWindow = [
  'InitialWebUI',
  'WebUIReloadButton',
  'WebUIToolbar',
  'WebUISplitTabsButton',
  'WebUIOmniboxPopup',
];

/** The list of playwright 1.65, which an argument of the same name replaces. */
const disabledByPlaywright = [
  'AvoidUnnecessaryBeforeUnloadCheckSync',
  'DestroyProfileOnBrowserClose',
  'HttpsUpgrades',
  'HttpsFirstBalancedModeAutoEnable',
  'LensOverlay',
  'MediaRouter',
  'PaintHolding',
  'ThirdPartyStoragePartitioning',
  'AvoidCorsURLLoaderRestartOnRedirect',
  'OptimizationHints',
  'NetworkTimeServiceQuerying',
  'AimEnabled',
  'PreconnectToSearch',
];

const disabled = [...disabledByPlaywright, ...buttonsOfWindow].join(',');

/** Starts Debian's Chromium; as root, installs it when it is missing. */
export function openChromium(args: readonly string[] = []): Promise<Browser> {
  const need = 'These tests need the browser Chromium (Debian: apt-get install chromium).';
  if (!existsSync(program)) installPackage({ name: 'chromium', need });
  if (!existsSync(program)) throw new Error(`${need} Tried: the package "chromium" did not provide it`);
  // The sandbox needs privileges that containers lack; the browser opens only pages of these tests.
  const fixed = ['--no-sandbox', `--disable-features=${disabled}`];
  return chromium.launch({ executablePath: program, args: [...fixed, ...args] });
}
