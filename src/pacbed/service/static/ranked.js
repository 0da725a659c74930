/** Answers of several systems to one pattern, the best first: as `pacbed infer --system any` ranks them. */

/** What may be believed goes before what may not. */
const ORDER = { ok: 0, ambiguous: 1, out_of_range: 2, mismatch: 3 };

/** What is left and is no noise; it tells crystals apart. @returns {number} */
export const structuredResidual = ({ provenance }) => provenance.structured_residual ?? Infinity;

/**
 * @template {{answer: any}} T
 * @param {T[]} results
 * @returns {T[]}
 */
export function ranked(results) {
  return [...results].sort(({ answer: a }, { answer: b }) => (
    ORDER[a.status] - ORDER[b.status] || structuredResidual(a) - structuredResidual(b) || 0
  ));
}
