/** Words of the service for programs and command lines, as people at the page understand them. */

/** @type {[RegExp, string][]} */
const WORDS = [
  [/choose one with (?:the parameter frame|--frame N) \((.*?)\)(?:, or (?:send them to \/inference\/batch\/|their sum with --frame sum))?\.?/,
    "choose one under Frame ($1), or All frames."],
  [/choose one with --frame N/, "choose one under Frame"],
  [/use --frame (\d+) to (\d+)/, "choose one from $1 to $2"],
  [/choose one with --dataset NAME( \(.*?\))?/, "save the one that is meant in a file of its own"],
  [/: was measured in patterns as they are recorded: leave out file_params\.turn_deg and file_params\.mirrored/,
    ": was measured in patterns as they are recorded. Turn and mirror the pattern back, or use no calibration of the microscope"],
  [/: add convergence_angle in mrad/, ": fill it in under Conditions"],
  [/give file_params\.typ, one of raw, /, "its name must end with one of: "],
  [/\bparameters\.(\w+)/g, "$1"],
  [/\bfile_params\.(\w+)/g, "$1"],
  [/\bconvergence_(?:angle|mrad)\b/g, "convergence semi-angle (mrad)"],
  [/\bmrad_per_pixel\b/g, "angle per pixel (mrad)"],
  [/\bhigh_tension_kV\b/g, "high tension (kV)"],
  [/ \(refine false\)/g, ""],
];

/** @param {string} text */
export const plain = (text) => WORDS.reduce((said, [pattern, words]) => said.replace(pattern, words), text);
