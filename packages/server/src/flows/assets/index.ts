/**
 * The files of pages: the stylesheet, the scripts and the logo. Owns `/assets/{file}`; no tables.
 *
 * Example: `latchkey.3f2a90c1d4e5.css` is kept by browsers for a year. While two releases serve side by side, a page of one asks
 * a node of the other for a hash that it does not know: it returns its own file of that kind, which is not stored.
 */
import { Problem } from '#kernel/problem.ts';
import type { Asset } from '#pages/assets.ts';
import { type DocumentResponse, documentEndpoint, type Endpoint } from '#platform/http/index.ts';

export function assetEndpoints(assets: readonly Asset[]): readonly Endpoint[] {
  const byName = new Map(assets.map((asset) => [asset.name, asset]));
  const byPlainName = new Map(assets.map((asset) => [asset.plainName, asset]));
  return [
    documentEndpoint({
      id: 'assets.file',
      method: 'GET',
      path: '/assets/{file}',
      summary: 'A stylesheet, a script or a logo of our pages',
      rateLimit: 'none',
      problems: ['not_found'],
      contentType: '*/*',
      openToCors: false,
      cacheSeconds: 0,
      handler: (_query, { file = '' }) => {
        const exact = byName.get(file);
        const other = exact ?? byPlainName.get(file.replace(/\.[0-9a-f]{12}(?=\.[a-z]+$)/, ''));
        if (other === undefined) throw new Problem('not_found');
        return responseOf(other, exact !== undefined);
      },
    }),
  ];
}

function responseOf({ contentType, body, encoded }: Asset, isPermanent: boolean): DocumentResponse {
  const isImage = contentType.startsWith('image/');
  return { status: 200, body, file: { contentType, isPermanent, encoded, ...(isImage && { isImage }) } };
}
