/**
 * Configuration: one schema of every setting, read once at start from the environment and `latchkey.config.json`.
 * It owns the names of all settings, their defaults and the rules between them (what production refuses).
 * Every mistake is reported at once, a secret's value never; only `app` reads this module, the others get values.
 */
export type { Config, DatabaseConfig, LogLevel, Mode, SigningAlgorithmName } from './config.ts';
export type { DescribedSetting } from './document.ts';
export { configurationPage, describeConfig } from './document.ts';
export type { FileContent, FileReader } from './files.ts';
export { diskFiles } from './files.ts';
export type { Sources } from './gather.ts';
export type { LoadedConfig } from './load.ts';
export { loadConfig } from './load.ts';
export { processSources } from './process-sources.ts';
