/**
 * URLs of the servers that Latchkey connects to: SMTP and Redis.
 * Invariants: an accepted URL gives the driver values that it accepts; a reason never quotes the URL, which may contain a
 * password.
 */
export { parseRedisUrl, type RedisServer } from './redis.ts';
export { parseSmtpUrl, type SmtpServer } from './smtp.ts';
