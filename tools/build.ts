/**
 * `npm run build` bundles the program, unless its sources have not changed since; with `--optional`, as in `npm start`, the server
 * runs from its sources if that is not possible.
 */
import { bundleProgram } from './bundle.ts';
import { root } from './steps.ts';

const isOptional = process.argv.includes('--optional');
try {
  await bundleProgram(root);
} catch (error) {
  if (!isOptional || !isExpected(error)) throw error;
  console.error(`The program is not bundled, so it starts more slowly: ${(error as Error).message}`);
}

/** The bundler is not installed, which is so without development dependencies, or the directory cannot be written. */
function isExpected(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'EACCES' || code === 'EROFS' || code === 'ENOSPC';
}
