/** Numbers and rows as people and programs read them. */

const known = (value) => typeof value === "number" && Number.isFinite(value);

/** `value ± error` with as many decimals as the error deserves. */
export function withError(value, error) {
  if (!known(value)) return "unknown";
  if (!known(error)) return value.toFixed(1);
  const decimals = error < 0.1 ? 2 : error < 10 ? 1 : 0;
  return `${value.toFixed(decimals)} ± ${error.toFixed(decimals)}`;
}

export function fixed(value, decimals) {
  return known(value) ? value.toFixed(decimals) : "unknown";
}

/** An angle with its sign, as it is turned at a stage. */
export function signed(value, decimals = 2) {
  return known(value) ? `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(decimals)}` : "unknown";
}

export function percent(share, decimals = 1) {
  return known(share) ? `${(100 * share).toFixed(decimals)} %` : "–";
}

/** The mistilt with its error; some models give none. */
export function mistiltWords({ mistilt_mrad: mistilt, tilt_std_mrad: error }) {
  return known(mistilt) ? `${withError(mistilt, error)} mrad` : "not given";
}

/** Where the zone axis lies, or that a small tilt has no direction. */
export function azimuthWords(answer) {
  const { azimuth_deg: azimuth, mistilt_mrad: mistilt, tilt_std_mrad: error } = answer;
  if (azimuth === null && answer.tilt_x_mrad === null) {
    return answer.provenance?.networks?.Azimuth ? "direction not known, see the warnings" :
      "this model gives no direction";
  }
  if (!known(azimuth) || !known(error) || mistilt < 2 * error) {
    return "direction not determined at so small a mistilt";
  }
  return `towards ${azimuth.toFixed(0)}°, from right to down`;
}

/** For people who open a file of answers: which number is what. */
export const UNITS = {
  thickness_nm: "nm, along the zone axis; the answer",
  thickness: "Å; the same number for earlier clients",
  mistilt_mrad: "mrad, angle between zone axis and optical axis",
  mistilt: "the same number for earlier clients",
  azimuth_deg: "degrees, from the right of the pattern towards down",
  residual: "share of the fitted pattern's variance that is not explained, 0 to 1",
};

/** The answer without its pictures, as JSON text. */
export function toJson({ file, frame, answer }) {
  const { validation, views, ...numbers } = answer;
  return `${JSON.stringify({ file, frame, units: UNITS, ...numbers }, null, 2)}\n`;
}

const PARTS = {
  noise: "the electrons' noise",
  convergence: "convergence angle, which the fit finds",
  model: "what the model lacks",
  debye_waller: "Debye–Waller factors",
  absorption: "absorption",
  potential: "potential",
  thickness_spread: "spread of the thickness in the area",
};

/** The error with all its parts, in one line; nothing where nothing was fitted. */
export function totalWords({ budget }) {
  if (!budget) return "";
  return `± ${fixed(budget.thickness_total_nm, 2)} nm, ± ${fixed(budget.tilt_total_mrad, 3)} mrad with ` +
    (budget.measured ? "errors of the recipe" : "usual errors of a recipe");
}

/** What the error is made of, a row for each part. */
function budgetRows({ budget }) {
  return (budget?.parts ?? []).map((part) => {
    const assumed = known(part.change) ? ` ± ${fixed(100 * part.change, 0)} %` : "";
    const sizes = `${fixed(part.thickness_nm, 3)} nm, ${fixed(part.tilt_mrad, 4)} mrad`;
    return [`Error by ${PARTS[part.name] ?? part.name}${assumed}`,
      part.in_std ? sizes : `${sizes}, not in the error bars`];
  });
}

/** Rows of the table of all numbers. */
export function allRows(answer) {
  const [low, high] = answer.thickness_interval95_nm;
  const rows = [
    ["System", answer.system],
    ["Thickness (nm)", withError(answer.thickness_nm, answer.thickness_std_nm)],
    ["95 % interval (nm)", `${fixed(low, 1)} to ${fixed(high, 1)}`],
    ["Zone axis, to the right (mrad)", withError(answer.tilt_x_mrad, answer.tilt_std_mrad)],
    ["Zone axis, downwards (mrad)", withError(answer.tilt_y_mrad, answer.tilt_std_mrad)],
    ["Azimuth (°)", fixed(answer.azimuth_deg, 1)],
    ["Rotation of the crystal (°)", fixed(answer.rotation_deg, 1)],
    ["Convergence semi-angle (mrad)", String(answer.convergence_mrad)],
    ["Angle per pixel (mrad)", fixed(answer.mrad_per_pixel, 4)],
    ["Scale", fixed(answer.scale, 4)],
    ["Centre, row and column (px)",
      `${fixed(answer.center_row_px, 1)}, ${fixed(answer.center_column_px, 1)}`],
    ...budgetRows(answer),
  ];
  if (answer.budget) rows.push(["Error in all", totalWords(answer)]);
  for (const [name, value] of Object.entries(answer.metadata.extra)) {
    rows.push([`File: ${name}`, String(value)]);
  }
  for (const [name, value] of Object.entries(answer.provenance)) {
    rows.push([name.replaceAll("_", " "), typeof value === "object" ? JSON.stringify(value) : String(value)]);
  }
  return rows;
}
