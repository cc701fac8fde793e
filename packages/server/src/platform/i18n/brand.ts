/** The service as its texts and pages name it. */
export interface Brand {
  readonly name: string;
  /** Links of the operator, below every page. */
  readonly links: readonly { readonly kind: 'privacy' | 'terms' | 'help'; readonly url: string }[];
  /** The files of its look. Undefined: ours. */
  readonly look?: Look;
}

/** Paths of the files that every page of a brand loads. */
export interface Look {
  readonly stylesheetPath: string;
  /** The icon of a browser's tab. */
  readonly iconPath: string;
  /** Undefined: a keyhole and the name. */
  readonly logo: { readonly path: string; readonly darkPath: string | undefined } | undefined;
}
