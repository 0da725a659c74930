/** An answer's status explained: why it is so, and what would help. */

const percent = (share) => `${Math.round(100 * share)} %`;

/** Why several thicknesses fit, as far as the answer tells. */
function whyAmbiguous(answer) {
  const { alternatives, thickness_nm: thickness, thickness_std_nm: error, pixels_left_out: left } = answer;
  const reasons = [];
  if (alternatives.length) {
    const first = alternatives[0];
    const near = Math.abs(first.thickness_nm - thickness) < 3 * error;
    reasons.push(near ? "Two solutions lie within each other's error: the pattern changes too little between them." :
      `${alternatives.length === 1 ? "Another thickness explains" : `${alternatives.length} other thicknesses explain`} ` +
      "the pattern nearly as well: patterns repeat as the beams beat with the thickness.");
  }
  if (thickness < 10) reasons.push("So thin a crystal shows little that changes with thickness and tilt.");
  if (error > 0.1 * thickness) reasons.push(`The thickness is open by ${percent(error / thickness)}: the pattern is noisy, or flat.`);
  if (left > 0) reasons.push(`${left} pixels said nothing and had no weight.`);
  if (answer.residual > 0.2) reasons.push(`${percent(answer.residual)} of the pattern is not explained by any of them.`);
  return reasons.length ? reasons : ["Networks and fit do not agree, or too little of the disk is seen."];
}

function helpAmbiguous({ alternatives, thickness_nm: thickness, residual }) {
  const help = [];
  if (alternatives.length) help.push("Choose by what is known of neighbouring places; draw each solution and compare the differences.");
  help.push("Record with more dose, or a larger convergence angle; at another, known tilt.");
  if (thickness < 10) help.push("Go to a thicker place.");
  if (residual > 0.05) help.push("Mask what is not of the pattern, such as a beam stop or a second grain.");
  return help;
}

function whyRefused(answer) {
  const reasons = [`No thickness, tilt and rotation of ${answer.system} explain the pattern` +
    (answer.residual === null ? "." : `: ${percent(answer.residual)} of it is left, and not as noise would leave it.`)];
  const { doubt } = answer.provenance;
  if (Number.isFinite(doubt)) reasons.push(`The evidence against this crystal stands at ${doubt.toFixed(1)} (see “doubt” under All numbers).`);
  return reasons;
}

const HELP_REFUSED = [
  "Read the warnings: what is saturated, cut, inverted or hidden is named there.",
  "Ask all systems: it may be another crystal, zone axis or high tension.",
  "Leave the convergence semi-angle and the angle per pixel empty, so that they are found.",
  "Mask what is not of the pattern, and ask again.",
];

function whyBeyond({ thickness_nm: thickness, mistilt_mrad: mistilt }) {
  return [`The best solution, ${thickness.toFixed(1)} nm` +
    (mistilt === null ? "" : ` at ${mistilt.toFixed(1)} mrad`) + ", lies beyond what this system was simulated for."];
}

const HELP_BEYOND = [
  "Tilt the crystal nearer to the zone axis, or go to a place within the range.",
  "Simulate the crystal with a wider range: under “A crystal of your own”, How far answers shall reach.",
];

/**
 * @param {any} answer
 * @returns {{why: string[], help: string[]} | null} null where there is nothing to explain
 */
export function explanation(answer) {
  if (answer.status === "ambiguous") return { why: whyAmbiguous(answer), help: helpAmbiguous(answer) };
  if (answer.status === "mismatch") return { why: whyRefused(answer), help: HELP_REFUSED };
  if (answer.status === "out_of_range") return { why: whyBeyond(answer), help: HELP_BEYOND };
  return null;
}
