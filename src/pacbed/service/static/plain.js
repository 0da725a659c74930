/** Words of the service for programs, as people at the page understand them. */

const WORDS = [
  [/choose one with the parameter frame \((.*?)\), or send them to \/inference\/batch\/\.?/, "choose one under Frame ($1), or All frames."],
  [/: add convergence_angle in mrad/, ": fill it in under Conditions"],
  [/give file_params\.typ, one of raw, /, "its name must end with one of: "],
  [/\(?-?-?mask FILE\)?/, "a mask"],
  [/parameters\.(\w+)/, "$1"],
  [/\bconvergence_(?:angle|mrad)\b/g, "convergence semi-angle"],
  [/\bmrad_per_pixel\b/g, "angle per pixel"],
  [/\bhigh_tension_kV\b/g, "high tension"],
  [/\bthickness_nm\b/g, "thickness"],
  [/\bfile_params\.(\w+)\b/g, "$1"],
  [/(^|\s)--([a-z]+(?:-[a-z]+)*)/g, "$1$2"],
];

/** @param {string} text */
export const plain = (text) => WORDS.reduce((said, [pattern, words]) => (
  said.replace(/** @type {RegExp} */ (pattern), String(words))
), text);
