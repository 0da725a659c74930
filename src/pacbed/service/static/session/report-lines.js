/** What the report says of one answer, line by line. */

import { azimuthWords, fixed, mistiltWords, percent, signed, totalWords, withError } from "../format.js";
import { isRefused, shownStatus, statusName } from "./row.js";

const given = (value, unit, otherwise) => (value === undefined || value === null ? otherwise : `${value} ${unit}`);

const turnedWords = ({ turn_deg: angle = 0, mirrored = false } = {}) => (
  [mirrored && "mirrored", angle && `by ${angle}° clockwise`].filter(Boolean).join(" and then ")
);

/** How the pattern was asked for. */
function asked({ parameters }) {
  return [
    ["Asked system", String(parameters.system ?? "unknown")],
    ["Asked convergence semi-angle", given(parameters.convergence_angle, "mrad", "none: that of the file, or found")],
    ["Asked angle per pixel", given(parameters.mrad_per_pixel, "mrad", "none: that of the file, or found")],
    ["Calibration of the microscope", parameters.microscope?.name ?? ""],
    ["Turned", turnedWords(parameters.file_params)],
    ["Compared with the simulation", parameters.refine === false ? "no" : "yes"],
  ];
}

/** Where the stage was, and where it is to be tilted. */
function stage({ alpha_deg: alpha, beta_deg: beta, guidance: to }) {
  const was = [alpha, beta].every(Number.isFinite) ? `α ${signed(alpha)}°, β ${signed(beta)}°` : "";
  return [["Stage", was], ["Where to tilt", to ? `α by ${signed(to.alpha_deg)} ± ${fixed(to.alpha_std_deg, 2)}°, β by ` +
    `${signed(to.beta_deg)} ± ${fixed(to.beta_std_deg, 2)}°${to.decided ? "" : ", which tells a sign that is open"}; ` +
    `calibration: ${to.calibration}` : ""]];
}

function origin({ sha256, date, answer: { provenance } }) {
  return [
    ["Date", date], ["Version", provenance.version], ["Bundle", provenance.bundle],
    ["SHA-256 of the bundle", provenance.bundle_sha256], ["SHA-256 of the file", sha256],
  ];
}

/**
 * @param {import("./row.js").Row} row with an answer
 * @returns {[string, string][]} names and values; what is not known is left out
 */
export function linesOf(row) {
  const { answer } = row;
  const [low, high] = answer.thickness_interval95_nm;
  const others = answer.alternatives.map((other) => (
    `${fixed(other.thickness_nm, 1)} nm (${percent(other.probability, 0)})`
  ));
  const lines = [
    ["Status", statusName(shownStatus(answer)) + (isRefused(answer) ? ": the numbers must not be used" : "")],
    ["System", answer.system],
    ["Thickness", `${withError(answer.thickness_nm, answer.thickness_std_nm)} nm; 95 %: ${fixed(low, 1)} to ${fixed(high, 1)} nm`],
    ["Error in all", totalWords(answer)],
    ["Also possible", others.join(", ")],
    ["Mistilt", `${mistiltWords(answer)}, ${azimuthWords(answer)}`],
    ["Convergence semi-angle", `${withError(answer.convergence_mrad, answer.convergence_std_mrad)} mrad`],
    ["Angle per pixel", `${fixed(answer.mrad_per_pixel, 4)} mrad`],
    ["Residual", `${percent(answer.residual)} of the pattern's variance`],
    ...stage(row),
    ...asked(row),
    ["Note", row.note],
    ...origin(row),
  ];
  return /** @type {[string, string][]} */ (lines.filter(([, value]) => value));
}
