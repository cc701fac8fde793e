/** Every page in Chromium, in en, de and a language from right to left, light and dark, 320 and 1440 pixels wide: no fault of accessibility (WCAG 2.2 AA), policy or width. */
import { runVitest } from './support/run-vitest.ts';

const languages = process.argv.slice(2);
const chosen = languages.length > 0 ? languages : ['en', 'de', 'he'];
await runVitest(['e2e/pages.test.ts'], { PAGE_LANGUAGES: chosen.join(',') });
