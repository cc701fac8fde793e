import { expect, it } from 'vitest';
import { parseLogo } from './logo.ts';

const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>');
const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1]);
const webp = Buffer.from('RIFF\0\0\0\0WEBPVP8 ', 'latin1');

it.each([
  ['/a/logo.svg', svg, 'image/svg+xml'],
  ['/a/logo.SVG', Buffer.from('<?xml version="1.0"?>\n<svg/>'), 'image/svg+xml'],
  ['/a/logo.png', png, 'image/png'],
  ['/a/logo.webp', webp, 'image/webp'],
])('accepts %s', (path, bytes, contentType) => {
  const logo = parseLogo('logo', path, bytes);
  expect(logo).toMatchObject({ kind: 'ok', value: { contentType, body: bytes } });
  expect(logo.kind === 'ok' && logo.value.path).toMatch(/^\/assets\/logo\.[0-9a-f]{12}\.(svg|png|webp)$/);
});

it.each([
  ['/a/logo.gif', Buffer.from('GIF89a'), 'its name must end with .svg, .png or .webp'],
  ['/a/logo', svg, 'its name must end with .svg, .png or .webp'],
  ['/a/logo.png', svg, 'its content is not PNG'],
  ['/a/logo.svg', Buffer.from('<html><script>alert(1)</script>'), 'its content is not SVG'],
  ['/a/logo.webp', Buffer.alloc(0), 'its content is not WEBP'],
  ['/a/logo.svg', Buffer.alloc(100_001, svg), 'it has 100001 bytes; 100 kB (100000) are allowed'],
])('refuses %s', (path, bytes, reason) => {
  expect(parseLogo('logo', path, bytes)).toEqual({ kind: 'invalid', reason });
});
