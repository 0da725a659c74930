/** Which values of a pattern are dark and which are bright. */

/** Value below which a share of the values lies. */
function percentile(values, share) {
  const sorted = Float32Array.from(values.filter((value) => !Number.isNaN(value))).sort();
  return sorted.length ? sorted[Math.floor(share * (sorted.length - 1))] : 0;
}

/**
 * Lowest and highest value that are told apart: of what was measured all but a thousandth at either
 * end, of a difference as far to both sides of none.
 * @param {Float32Array} measured
 * @param {Float32Array | null} difference
 */
export function spanOf(measured, difference) {
  return {
    low: Math.min(0, percentile(measured, 0.001)),
    high: percentile(measured, 0.999) || 1,
    bound: (difference && percentile(difference.map(Math.abs), 0.995)) || 1e-9,
  };
}

/** Measured minus simulated; null where nothing was simulated. */
export const differenceOf = (measured, simulated) => simulated && measured.map((value, i) => value - simulated[i]);
