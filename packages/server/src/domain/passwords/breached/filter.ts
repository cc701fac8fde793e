/**
 * A file that knows a list of passwords without holding any of them, for servers that ask nobody outside. Owns no table.
 * Invariants: a password of the list is always found; the file is written whole or not at all, and every page of it is
 * checked when it is read; building takes bounded memory and asking takes one read.
 */
export { buildFilter, ListUnusable } from './build-filter.ts';
export { type FilterHeader, filterBytes } from './filter-format.ts';
export { FilterUnusable, PasswordFilter } from './read-filter.ts';
