/**
 * The colors of the pages, computed from the accent of the deployment so that no choice of it makes a text unreadable
 * (WCAG 2.2, success criteria 1.4.3 and 1.4.11).
 */
import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';
import { contrast, fromOklch, mix, toOklch } from './color.ts';

export type Scheme = 'light' | 'dark';

/** The choices of a deployment. */
export interface Theme {
  /** `#rrggbb`, in lower case. */
  readonly accent: string;
  /** Of fields and buttons, in pixels; cards and notes follow. */
  readonly radius: number;
  /** `auto` follows the reader's device. */
  readonly scheme: Scheme | 'auto';
}

export const defaultTheme: Theme = { accent: '#0f766e', radius: 10, scheme: 'auto' };

export function parseAccent(text: string): Parsed<string> {
  return /^#[0-9a-f]{6}$/i.test(text) ? parsed(text.toLowerCase()) : unparsable('write it as # and six hex digits');
}

const white = '#ffffff';
const black = '#101317';

// Fixed, and compared with each other by the test of this module.
const fixed = {
  light: {
    ground: '#f5f6f8',
    paper: white,
    sunken: '#f8f9fa',
    ink: '#14171c',
    soft: '#5a6370',
    line: '#e3e6ea',
    rim: '#cfd4db',
    edge: '#8a929e',
    wrong: '#b3261e',
    'wrong-soft': '#fdf0ef',
    good: '#1a6b3c',
    'good-soft': '#edf7f1',
    warn: '#855300',
    'warn-soft': '#fdf5e6',
    danger: '#b3261e',
    'danger-ink': white,
  },
  dark: {
    ground: '#0c0e11',
    paper: '#15181c',
    sunken: '#111418',
    ink: '#eef0f3',
    soft: '#a2abb7',
    line: '#282d34',
    rim: '#3a414b',
    edge: '#66707d',
    wrong: '#ff8f85',
    'wrong-soft': '#2c1a1a',
    good: '#6fd197',
    'good-soft': '#14241b',
    warn: '#f0b84d',
    'warn-soft': '#2a2215',
    danger: '#c4352b',
    'danger-ink': white,
  },
} as const;

/** Below this chroma a color has no hue: black, white, greys. */
const leastChroma = 0.03;

/** The share of the accent in the paper that it tints. */
const tint = { light: 0.08, dark: 0.16 } as const;

/** The contrast of links. Thin bright text on a dark ground needs more than the 4.5 that are required. */
const linkContrast = { light: 4.5, dark: 6.5 } as const;

/** Every color of a scheme, by the name of its custom property. */
export function colorsOf(scheme: Scheme, accent: string) {
  const own = fixed[scheme];
  const isDark = scheme === 'dark';
  const away = isDark ? 1 : -1;
  const grounds = [own.paper, own.ground, own.sunken];
  // A brand without a hue turns around in the dark, as text does: a black button would not be seen.
  const wanted = isDark && toOklch(accent).chroma < leastChroma ? own.ink : accent;
  const { button, ink } = readableButton(wanted);
  const tinted = mix(own.paper, accent, tint[scheme]);
  return {
    ...own,
    accent: button,
    'accent-ink': ink,
    'accent-hover': hovered(button, ink),
    // A button that melts into the paper gets a line around it.
    'accent-line': moved(button, [own.paper], 3, away),
    'accent-soft': tinted,
    link: moved(wanted, [...grounds, tinted], linkContrast[scheme], away),
    ring: moved(accent, grounds, 3, away),
  };
}

/** Custom properties of the theme: the first part of the stylesheet. */
export function themeCss({ accent, radius, scheme }: Theme): string {
  const declarations = (of: Scheme) =>
    Object.entries(colorsOf(of, accent))
      .map(([name, color]) => `--${name}:${color}`)
      .join(';');
  const shape = `--radius:${radius}px`;
  if (scheme !== 'auto') return `:root{color-scheme:${scheme};${shape};${declarations(scheme)}}\n`;
  return `:root{color-scheme:light dark;${shape};${declarations('light')}}
@media (prefers-color-scheme:dark){:root{${declarations('dark')}}}
`;
}

/** Sentences about the colors that differ from the accent, because a text would be unreadable or a button unseen. */
export function changesOf({ accent, scheme }: Theme): string[] {
  const schemes: readonly Scheme[] = scheme === 'auto' ? ['light', 'dark'] : [scheme];
  return schemes.flatMap((of) => {
    const { accent: button, link } = colorsOf(of, accent);
    const changed = [button !== accent && `buttons are ${button}`, link !== accent && `links are ${link}`].filter(
      (each) => each !== false,
    );
    return changed.length === 0 ? [] : [`${accent} in the ${of} scheme: ${changed.join(', ')}.`];
  });
}

/** The brand's color as it is wherever white or near-black text is readable on it; else moved until one is. */
function readableButton(wanted: string): { readonly button: string; readonly ink: string } {
  const ink = contrast(white, wanted) >= Math.min(4.5, contrast(black, wanted)) ? white : black;
  return { button: moved(wanted, [ink], 4.5, ink === white ? -1 : 1), ink };
}

/** A step away from the text, so that it stays readable; where there is no room left, a step towards it. */
function hovered(button: string, ink: string): string {
  const from = toOklch(button);
  const away = ink === white ? -1 : 1;
  const step = (by: number) => fromOklch({ ...from, lightness: Math.min(1, Math.max(0, from.lightness + by * away)) });
  const further = step(0.05);
  return further === button ? step(ink === white ? -0.15 : -0.06) : further;
}

/** The color made lighter (1) or darker (-1) until its contrast with each background is high enough. */
function moved(hex: string, backgrounds: readonly string[], ratio: number, direction: 1 | -1): string {
  if (backgrounds.every((background) => contrast(hex, background) >= ratio)) return hex;
  const start = toOklch(hex);
  for (let lightness = start.lightness; lightness >= 0 && lightness <= 1; lightness += 0.005 * direction) {
    const made = fromOklch({ ...start, lightness });
    if (backgrounds.every((background) => contrast(made, background) >= ratio)) return made;
  }
  return direction > 0 ? white : black;
}
