/**
 * The target as the routes have it: the path of an absolute form, which a server must accept (RFC 9112 §3.2.2) and whose
 * authority decides nothing here; and the latest version for `/api/…` without one.
 */
export function canonicalTarget(target: string): string {
  if (!target.startsWith('/')) return originForm(target);
  if (!target.startsWith('/api/') || /^\/api\/v\d+(?:\/|$)/.test(target)) return target;
  return `/api/v1/${target.slice('/api/'.length)}`;
}

function originForm(target: string): string {
  const path = /^https?:\/\/[^/?#]*([^#]*)/i.exec(target)?.[1];
  if (path === undefined) return '/*';
  return canonicalTarget(path.startsWith('/') ? path : `/${path}`);
}
