/** Every page in Chromium, in en, de and a language from right to left, light and dark, 320 and 1440 pixels wide: no fault of accessibility (WCAG 2.2 AA), policy or width. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { binary } from '../steps.ts';
import { endWithSignals } from './support/signals.ts';

endWithSignals();
const vitest = [binary('vitest/vitest.mjs'), 'run', '--project', 'e2e', 'e2e/pages.test.ts'];
const languages = process.argv.slice(2);
const env = { ...process.env, PAGE_LANGUAGES: (languages.length > 0 ? languages : ['en', 'de', 'he']).join(',') };
const child = spawn(process.execPath, vitest, { stdio: 'inherit', env });
process.once('exit', () => child.kill('SIGTERM'));
const [code] = (await once(child, 'exit')) as [number | null];
process.exitCode = code ?? 1;
