import { encode } from 'uqr';

/** ISO/IEC 18004 requires a quiet zone of four modules. */
const quietZone = 4;

/** A QR code as a path: `size` modules wide and high, with its quiet zone. */
export interface QrCode {
  readonly size: number;
  /** The `d` of an SVG path that draws the dark modules. It has digits, letters of commands and blanks alone. */
  readonly path: string;
}

/** @throws Error when the text has more than 2,331 bytes, the capacity at this level of error correction (M). */
export function qrCode(text: string): QrCode {
  const { data, size } = encode(text, { ecc: 'M', border: quietZone });
  return { size, path: data.map((row, y) => runsOf(row, y)).join('') };
}

/**
 * A QR code as SVG with two `<path>` elements: it needs neither an inline style nor a script, so that a page with a strict
 * content security policy displays it. One module is one unit of the view box; CSS determines the size. The light
 * background is part of the image, because scanners fail on a dark page.
 *
 * @throws Error when the text is too long for `qrCode`.
 */
export function qrSvg(text: string): string {
  const { size, path } = qrCode(text);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges">` +
    `<path fill="#fff" d="M0 0h${size}v${size}H0z"/><path d="${path}"/></svg>`
  );
}

/** One rectangle for each run of dark modules in a row; about a third of the length of one for each module. */
function runsOf(row: readonly boolean[], y: number): string {
  let path = '';
  for (let x = 0; x < row.length; x += 1) {
    if (row[x] !== true) continue;
    const start = x;
    while (row[x] === true) x += 1;
    path += `M${start} ${y}h${x - start}v1H${start}z`;
  }
  return path;
}
