/* Prints the statements of the checkout in the first argument as JSON. It runs with the modules of that checkout. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [checkout = ''] = process.argv.slice(2);
const source = join(checkout, 'packages/server/src');
const files = globSync('{domain,platform,flows}/**/*.ts', { cwd: source, exclude: ['**/*.test.ts'] });
for (const file of files) await import(pathToFileURL(join(source, file)).href);
const database = pathToFileURL(join(source, 'platform/database/index.ts')).href;
const { declaredStatements } = (await import(database)) as { readonly declaredStatements: () => readonly unknown[] };
process.stdout.write(JSON.stringify(declaredStatements()));
