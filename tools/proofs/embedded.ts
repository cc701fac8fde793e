/** The flows that need a second factor, a passkey or a provider, every cell of the revocation matrix and the search for secrets, on the embedded database: they do what they do on PostgreSQL. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../steps.ts';
import { runVitest } from './support/run-vitest.ts';

const tests = globSync('packages/server/{src,test}/**/*.test.ts', { cwd: root });
const files = tests.filter((file) => readFileSync(join(root, file), 'utf8').includes('databasesOfFlows'));
await runVitest(files, { FLOWS_ON_EMBEDDED: '1' });
