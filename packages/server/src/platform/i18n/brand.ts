/** The service as its texts and pages name it. */
export interface Brand {
  readonly name: string;
  /** Links of the operator, below every page. */
  readonly links: readonly { readonly kind: 'privacy' | 'terms' | 'help'; readonly url: string }[];
}
