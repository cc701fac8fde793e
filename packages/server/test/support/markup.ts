/** The tags of scripts in a page that are no file of ours. */
export function foreignScripts(text: string): readonly string[] {
  const tags = text.match(/<script[^>]*>/g) ?? [];
  return tags.filter((tag) => !/^<script type="module" src="\/assets\/[\w.-]+\.js">$/.test(tag));
}
