/** The only place that reads `process.env`. */
import { diskFiles } from './files.ts';
import type { Sources } from './sources.ts';

/** The environment, files and working directory of this process. */
export function processSources(): Sources {
  return { env: process.env, files: diskFiles, cwd: process.cwd() };
}
