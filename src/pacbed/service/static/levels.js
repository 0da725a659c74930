/** From values to levels of brightness between 0 and 1, and back. */

/** A logarithmic scale shows three decades. */
const DECADES = 1000;

const SCALES = {
  linear: { to: (share) => share, from: (level) => level },
  log: {
    to: (share) => Math.log1p((DECADES - 1) * share) / Math.log(DECADES),
    from: (level) => (DECADES ** level - 1) / (DECADES - 1),
  },
};

const gamma = (power) => ({ to: (share) => share ** power, from: (level) => level ** (1 / power) });

/**
 * @typedef {object} Look
 * @property {string} colors
 * @property {string} intensity `linear` or `gamma`
 * @property {number} gamma
 * @property {Record<string, boolean>} log of which pictures are logarithmic
 *
 * @param {Look} look
 * @param {string} name of the picture
 * @param {{low: number, high: number, bound: number}} span
 * @returns {{to: (value: number) => number, from: (level: number) => number}}
 */
export function levelsOf(look, name, { low, high, bound }) {
  const { to, from } = look.log[name] ? SCALES.log : look.intensity === "gamma" ? gamma(look.gamma) : SCALES.linear;
  if (name !== "difference") {
    const width = high - low;
    return { to: (value) => to(Math.max(0, (value - low) / width)), from: (level) => low + width * from(level) };
  }
  // What is too much and what is too little are told apart alike; a gamma is for intensities.
  const scale = look.log.difference ? SCALES.log : SCALES.linear;
  return {
    to: (value) => 0.5 + 0.5 * Math.sign(value) * scale.to(Math.abs(value) / bound),
    from: (level) => bound * Math.sign(level - 0.5) * scale.from(Math.abs(2 * level - 1)),
  };
}
