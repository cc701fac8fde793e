/**
 * Better Auth on PostgreSQL behind `node:http`, with its own defaults (scrypt, no cookie cache) and what its documentation
 * asks for in production: a secret, verified emails, rate limits. The limits are never reached, as those of Latchkey.
 * Arguments: the database. The parent gets the port as the first message.
 */
import { createServer } from 'node:http';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import { bearer } from 'better-auth/plugins';
import { Pool } from 'pg';

const unreached = { window: 10, max: 1_000_000_000 };

const server = createServer((request, response) => void handler(request, response));
server.listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const { port } = server.address();

const options = {
  baseURL: `http://127.0.0.1:${port}`,
  secret: 'a secret of the bench with more than 32 characters',
  database: new Pool({ connectionString: process.argv[2] }),
  emailAndPassword: { enabled: true, requireEmailVerification: true },
  emailVerification: { sendOnSignUp: true, sendVerificationEmail: async () => undefined },
  rateLimit: { enabled: true, ...unreached, customRules: { '/sign-in/*': unreached, '/sign-up/*': unreached } },
  plugins: [bearer()],
};
const { runMigrations } = await getMigrations(options);
await runMigrations();
const handler = toNodeHandler(betterAuth(options));
process.once('disconnect', () => process.exit());
process.send({ port });
