/**
 * Configuration, read at start from the environment and `latchkey.config.json`; at SIGHUP `app` reads it again for its secrets.
 * It owns the names, defaults and descriptions of all settings (schema.ts) and the rules between them (rules.ts).
 * Invariants: all mistakes are reported at once; no message contains a secret's value; only this module reads the
 * environment. Only `app` imports it; other layers receive values.
 */
export type { Config, DatabaseConfig, DatabaseServer, LogLevel, Mode, SigningAlgorithmName } from './config.ts';
export type { DescribedSetting } from './document.ts';
export { configurationPage, describeConfig } from './document.ts';
export type { FileContent, FileReader } from './files.ts';
export { diskFiles } from './files.ts';
export type { LoadedConfig } from './load.ts';
export { loadConfig } from './load.ts';
export { processSources } from './process-sources.ts';
export type { ReadSecrets, Sources } from './sources.ts';
