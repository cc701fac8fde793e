/** Where this process is configured from; the one place that reads its environment. */
import { diskFiles } from './files.ts';
import type { Sources } from './gather.ts';

/** The environment, the disk and the working directory of this process. */
export function processSources(): Sources {
  return { env: process.env, files: diskFiles, cwd: process.cwd() };
}
