/** Columns of the table: what each shows and what it sorts by. */

import { fixed, percent, signed, withError } from "../format.js";
import { rowStatus, statusName } from "./row.js";

/** Of a status, how much it needs to be looked at. */
const ORDER = ["failed", "mismatch", "out_of_range", "ambiguous", "unchecked", "working", "waiting", "ok"];

/** A small mistilt has no direction, as `azimuthWords` says at length. */
const azimuth = ({ azimuth_deg: angle, mistilt_mrad: mistilt, tilt_std_mrad: error }) =>
  (angle === null || error === null || mistilt < 2 * error ? "–" : fixed(angle, 0));

/**
 * @typedef {object} Column
 * @property {string} key
 * @property {string} title
 * @property {(row: import("./row.js").Row) => string} text
 * @property {(row: import("./row.js").Row) => any} value to sort by
 * @property {boolean} [refused] whether it is struck out where the answer must not be used
 */

const number = (key, title, text, value) => ({
  key,
  title,
  text: ({ answer }) => (answer ? text(answer) : ""),
  value: ({ answer }) => (answer ? value(answer) : null),
  refused: ["thickness", "mistilt", "azimuth"].includes(key),
});

/** @type {Column[]} */
export const COLUMNS = [
  { key: "file", title: "File", text: ({ file }) => file, value: ({ file }) => file },
  {
    key: "frame", title: "Frame", text: ({ frame }) => (frame === null ? "" : String(frame)),
    value: ({ frame }) => frame,
  },
  {
    key: "system", title: "System", text: ({ answer }) => answer?.system ?? "",
    value: ({ answer }) => answer?.system ?? null,
  },
  number("thickness", "Thickness (nm)", (a) => withError(a.thickness_nm, a.thickness_std_nm), (a) => a.thickness_nm),
  number("mistilt", "Mistilt (mrad)", (a) => withError(a.mistilt_mrad, a.tilt_std_mrad), (a) => a.mistilt_mrad),
  number("azimuth", "Azimuth (°)", azimuth, (a) => a.azimuth_deg),
  {
    key: "status", title: "Status", text: (row) => statusName(rowStatus(row)),
    value: (row) => ORDER.indexOf(rowStatus(row)),
  },
  number("convergence", "Convergence (mrad)", (a) => fixed(a.convergence_mrad, 2), (a) => a.convergence_mrad),
  number("residual", "Residual", (a) => percent(a.residual), (a) => a.residual),
  {
    key: "stage", title: "Stage α, β (°)", value: ({ alpha_deg: alpha }) => alpha ?? null,
    text: ({ alpha_deg: alpha, beta_deg: beta }) => ((alpha ?? beta ?? null) === null ? "" :
      [alpha, beta].map((angle) => (angle === null ? "?" : signed(angle))).join(", ")),
  },
  {
    key: "tilt", title: "Tilt α, β by (°)",
    value: ({ guidance: to }) => (to ? Math.hypot(to.alpha_deg, to.beta_deg) : null),
    text: ({ guidance: to }) => (to ? `${signed(to.alpha_deg)}, ${signed(to.beta_deg)}${to.decided ? "" : ", to tell a sign"}` : ""),
  },
];

const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b);

/** Rows in the order of a column; those without a value come last either way. */
export function sorted(rows, key, down) {
  const column = COLUMNS.find((each) => each.key === key);
  if (!column) return rows;
  const missing = (value) => value === null || value === undefined;
  return [...rows].sort((a, b) => {
    const [first, second] = [column.value(a), column.value(b)];
    if (missing(first) || missing(second)) return Number(missing(first)) - Number(missing(second));
    return (down ? -1 : 1) * compare(first, second);
  });
}

/** Whether a row has some words, in any column or in its note. */
export function matches(row, words) {
  const text = [...COLUMNS.map((column) => column.text(row)), row.note, row.problem].join(" ").toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
