/** The operator's logo: which files are accepted. It is sent with a policy of its own, under which an SVG runs nothing. */
import { extname } from 'node:path';
import { type Parsed, parsed, unparsable } from '#kernel/parsed.ts';
import { type Asset, imageAsset } from './assets.ts';

const maxBytes = 100_000;

const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Each type by the extension of its file, and the bytes with which it begins. */
const types: Readonly<Record<string, { readonly contentType: string; readonly begins: (bytes: Buffer) => boolean }>> = {
  '.svg': {
    contentType: 'image/svg+xml',
    begins: (bytes) => /^\uFEFF?\s*<(?:\?xml|!--|svg)/.test(bytes.toString('utf8', 0, 200)),
  },
  '.png': { contentType: 'image/png', begins: (bytes) => bytes.subarray(0, 8).equals(png) },
  '.webp': {
    contentType: 'image/webp',
    begins: (bytes) => bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP',
  },
};

/** @param name of the asset: `logo` or `logo-dark`. */
export function parseLogo(name: string, path: string, bytes: Buffer): Parsed<Asset> {
  const extension = extname(path).toLowerCase();
  const type = Object.hasOwn(types, extension) ? types[extension] : undefined;
  if (type === undefined) return unparsable('its name must end with .svg, .png or .webp');
  if (bytes.length > maxBytes) return unparsable(`it has ${bytes.length} bytes; 100 kB (${maxBytes}) are allowed`);
  if (!type.begins(bytes)) return unparsable(`its content is not ${extension.slice(1).toUpperCase()}`);
  return parsed(imageAsset(`${name}${extension}`, type.contentType, bytes));
}
