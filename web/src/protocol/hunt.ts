// The queries that a finding leads to: the same question, to be asked of the whole fleet elsewhere.

export type HuntProduct = "sentinel" | "defender" | "elastic";

export interface HuntQuery {
  readonly product: HuntProduct;
  readonly language: "kql" | "esql";
  /** The same caller, address or script anywhere; or the detector's question, of everyone. */
  readonly variant: "this-again" | "same-pattern";
  readonly title: string;
  /** Tables or indices that it reads. */
  readonly needs: readonly string[];
  /** The query as it is run. */
  readonly text: string;
  /** What it cannot see, or decides differently from the detector. */
  readonly notes: readonly string[];
}

export interface Hunt {
  readonly queries: readonly HuntQuery[];
  /** Why a product has no query, and what stands in none. */
  readonly notes: readonly { readonly product: HuntProduct | "all"; readonly text: string }[];
}
