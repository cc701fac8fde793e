/**
 * URLs of the servers that Latchkey connects to: PostgreSQL, SMTP and Redis.
 * Invariants: an accepted URL gives the driver values that it accepts; a reason never quotes the URL, which may contain a
 * password.
 */
export { type PostgresUrl, parsePostgresUrl, parseReplicaUrl } from './postgres.ts';
export type { TlsMode } from './postgres-tls.ts';
export { parseRedisUrl, type RedisServer } from './redis.ts';
export { parseSmtpUrl, type SmtpServer } from './smtp.ts';
