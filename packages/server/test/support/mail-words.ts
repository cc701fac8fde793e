/** The words of a mail, as a reader of its HTML or of its text part sees them. */

const entities: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&#96;': '`',
};

export interface ShownMail {
  /** In lists of mails, and hidden in the mail. */
  readonly preheader: string;
  /** Above the card. */
  readonly service: string;
  readonly words: readonly string[];
}

export function shownText(html: string): ShownMail {
  const [, body = ''] = html.split(/<body[^>]*>/);
  const [, hidden = '', rest = ''] = /<div style="display:none[^>]*>(.*?)<\/div>(.*)/s.exec(body) ?? [];
  const [, service = '', card = ''] = /<td class="i"[^>]*>(.*?)<\/td>(.*)/s.exec(rest) ?? [];
  const text = (markup: string) =>
    markup.replace(/<[^>]*>/g, ' ').replace(/&(?:amp|lt|gt|quot|#39|#96);/g, (entity) => entities[entity] ?? '');
  return { preheader: text(hidden), service: text(service), words: wordsOfText(text(card)) };
}

/** Without the punctuation that a layout replaces: the colon after a label, and the line above the foot. */
export function wordsOfText(text: string): readonly string[] {
  return text
    .replace(/^-- $/m, '')
    .split(/\s+/)
    .map((word) => word.replace(/:$/, ''))
    .filter((word) => word !== '');
}
