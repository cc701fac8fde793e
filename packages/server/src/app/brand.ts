/** The texts and the files of all pages, from the settings and files of the brand. */
import { readFileSync } from 'node:fs';
import type { Config } from '#config/index.ts';
import type { Asset } from '#pages/assets.ts';
import { parseLogo } from '#pages/logo.ts';
import { enhanceScript, passkeyScript } from '#pages/scripts.ts';
import { iconOf, stylesheetOf } from '#pages/stylesheet.ts';
import { type Catalogues, type Look, readCatalogues, TextsUnusable } from '#platform/i18n/index.ts';
import { changesOf, defaultTheme } from '#protocol/theme/index.ts';
import { OperatorError } from './operator-error.ts';

export interface OpenBrand {
  readonly catalogues: Catalogues;
  /** The files that the pages load. */
  readonly assets: readonly Asset[];
}

/** @throws OperatorError with one sentence when a file of the brand cannot be used. */
export function openBrand({ brand }: Pick<Config, 'brand'>): OpenBrand {
  const { name, links, theme } = brand;
  const [stylesheet, icon] = [stylesheetOf(theme), iconOf(theme)];
  const light = openLogo('LATCHKEY_BRAND_LOGO', 'logo', brand.logo);
  const dark = openLogo('LATCHKEY_BRAND_LOGO_DARK', 'logo-dark', brand.logoDark);
  const logo = logoOf(theme.scheme, light?.path, dark?.path);
  const look: Look = { stylesheetPath: stylesheet.path, iconPath: icon.path, logo };
  const logos = [light, dark].filter((logo) => logo !== undefined);
  return {
    catalogues: openTexts({ name, links, look }, brand.texts),
    assets: [stylesheet, icon, enhanceScript, passkeyScript, ...logos],
  };
}

/** Sentences about the colors of the theme that differ from the operator's accent; none with the accent of Latchkey. */
export function themeChanges({ theme }: Config['brand']): readonly string[] {
  return theme.accent === defaultTheme.accent ? [] : changesOf(theme);
}

/** Pages of one scheme have one logo. */
function logoOf(scheme: Config['brand']['theme']['scheme'], light?: string, dark?: string): Look['logo'] {
  if (scheme !== 'auto') {
    const path = scheme === 'dark' ? (dark ?? light) : (light ?? dark);
    return path === undefined ? undefined : { path, darkPath: undefined };
  }
  const path = light ?? dark;
  return path === undefined ? undefined : { path, darkPath: light === undefined ? undefined : dark };
}

function openLogo(setting: string, name: string, path: string | undefined): Asset | undefined {
  if (path === undefined) return undefined;
  const logo = parseLogo(name, path, readLogo(setting, path));
  if (logo.kind === 'ok') return logo.value;
  throw new OperatorError(`${setting} names ${path}, which cannot be used: ${logo.reason}.`, 78);
}

function readLogo(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new OperatorError(`${setting} names ${path}, which cannot be read (${reason}).`, 78, { cause: error });
  }
}

function openTexts(brand: Parameters<typeof readCatalogues>[0], folder: string | undefined): Catalogues {
  try {
    return readCatalogues(brand, folder);
  } catch (error) {
    if (error instanceof TextsUnusable)
      throw new OperatorError(`LATCHKEY_TEXTS: ${error.message}`, 78, { cause: error });
    throw error;
  }
}
