/** The acting party of operator functions that a test calls, as the command line passes it. */
export const operator = { kind: 'operator' } as const;
