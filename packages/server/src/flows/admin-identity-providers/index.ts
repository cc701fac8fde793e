/**
 * Administration of identity providers, by the command line and by the settings file. Owns no routes and no tables.
 *
 * Every change commits with its audit event. This process applies it at once, every other node after its next refresh; a
 * disabled provider is refused at once by all, because the statement that uses up a login reads the row.
 */
export { type ApplyOutcome, applyProviders } from './apply.ts';
export { type AddOutcome, type AdminProviders, addProvider, removeById, setEnabled } from './change.ts';
export { type ProviderChange, type SetOutcome, setProvider } from './set.ts';
