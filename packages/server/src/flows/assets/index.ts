/**
 * The files of pages. Owns `/assets/…`; no tables.
 *
 * Must not depend on the configuration of anything but the brand: a page of a problem needs them too.
 */
import { enhanceScript, enhanceScriptPath, passkeyScript, passkeyScriptPath } from '#pages/scripts.ts';
import { stylesheet, stylesheetPath } from '#pages/stylesheet.ts';
import { documentEndpoint, type Endpoint } from '#platform/http/index.ts';

const script = 'text/javascript; charset=utf-8';

export function assetEndpoints(): readonly Endpoint[] {
  return [
    asset('assets.stylesheet', stylesheetPath, 'The stylesheet of our pages', 'text/css; charset=utf-8', stylesheet),
    asset('assets.enhance', enhanceScriptPath, 'The script of every page', script, enhanceScript),
    asset('assets.passkey', passkeyScriptPath, 'The script of pages with passkeys', script, passkeyScript),
  ];
}

function asset(id: string, path: `/${string}`, summary: string, contentType: string, body: string): Endpoint {
  return documentEndpoint({
    id,
    method: 'GET',
    path,
    summary,
    rateLimit: 'none',
    problems: [],
    contentType,
    openToCors: false,
    cacheSeconds: 3600,
    handler: () => ({ status: 200, body }),
  });
}
