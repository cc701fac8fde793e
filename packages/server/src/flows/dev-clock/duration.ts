import { z } from 'zod';

const secondsOf = { s: 1, m: 60, h: 60 * 60, d: 24 * 60 * 60 } as const;

/** The schema of a positive duration with one unit, such as `90s`, `15m`, `12h` or `31d`; its output is milliseconds. */
export const durationInput = z
  .string()
  .regex(/^[1-9]\d{0,8}[smhd]$/, 'Use a whole number and a unit: 90s, 15m, 12h or 31d.')
  .transform((text) => Number(text.slice(0, -1)) * secondsOf[text.slice(-1) as keyof typeof secondsOf] * 1000);
