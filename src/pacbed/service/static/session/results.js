/** Rows as files, CSV or JSON, and rows from such files. */

import { UNITS } from "../format.js";
import { readCsv, writeCsv } from "./csv.js";
import { newRow } from "./row.js";

const FORMAT = "pacbed session";
const FORMAT_VERSION = 1;

/** Numbers of an answer that stand in the CSV under their own names. */
const NUMBERS = [
  "thickness_nm", "thickness_std_nm", "mistilt_mrad", "tilt_x_mrad", "tilt_y_mrad", "tilt_std_mrad",
  "azimuth_deg", "rotation_deg", "convergence_mrad", "convergence_std_mrad", "mrad_per_pixel", "scale",
  "center_row_px", "center_column_px", "residual", "pixels_left_out", "pixel_aspect",
];
/** Where the stage was, and how it is to be tilted: columns of the CSV, and what they are in a row. */
const STAGE = { stage_alpha_deg: "alpha_deg", stage_beta_deg: "beta_deg" };
const TILT = {
  guide_alpha_deg: "alpha_deg", guide_beta_deg: "beta_deg", guide_alpha_std_deg: "alpha_std_deg",
  guide_beta_std_deg: "beta_std_deg", guide_left_mrad: "left_mrad", guide_decided: "decided", stage_calibration: "calibration",
};
/** Columns that earlier tables lack. */
const LATER = ["pixel_aspect", "turned_deg", "mirrored", "asked_microscope", ...Object.keys(STAGE), ...Object.keys(TILT)];
/** What is said of the model behind an answer. */
const ORIGIN = ["version", "bundle", "bundle_sha256", "method"];
const ASKED = { asked_system: "system", asked_convergence_mrad: "convergence_angle", asked_mrad_per_pixel: "mrad_per_pixel" };

const COLUMNS = [
  "file", "frame", "file_sha256", "system", "status", "thickness_nm", "thickness_std_nm",
  "thickness_low95_nm", "thickness_high95_nm", ...NUMBERS.slice(2), "warnings", "problem", "note", "date",
  ...ORIGIN, ...Object.keys(ASKED), "asked_fit", "turned_deg", "mirrored", "asked_microscope",
  ...Object.keys(STAGE), ...Object.keys(TILT),
];

/** @param {import("./row.js").Row} row as one line of CSV */
function record(row) {
  const { answer, parameters } = row;
  const [low, high] = answer?.thickness_interval95_nm ?? [];
  const asked = Object.entries(ASKED).map(([name, key]) => [name, parameters[key]]);
  return {
    ...answer,
    ...answer?.provenance,
    ...Object.fromEntries(asked),
    ...Object.fromEntries(Object.entries(STAGE).map(([name, key]) => [name, row[key]])),
    ...Object.fromEntries(Object.entries(TILT).map(([name, key]) => [name, row.guidance?.[key]])),
    // The provenance has its own, rounded for people.
    convergence_mrad: answer?.convergence_mrad,
    thickness_std_nm: answer?.thickness_std_nm,
    residual: answer?.residual,
    asked_fit: parameters.refine ?? true,
    turned_deg: parameters.file_params?.turn_deg ?? 0,
    mirrored: parameters.file_params?.mirrored ?? false,
    asked_microscope: parameters.microscope?.name ?? "",
    file: row.file,
    frame: row.frame,
    file_sha256: row.sha256,
    status: row.state === "done" ? answer.status : row.state,
    thickness_low95_nm: low,
    thickness_high95_nm: high,
    warnings: answer?.warnings?.join(" | ") ?? "",
    problem: row.problem,
    note: row.note,
    date: row.date,
  };
}

/** @param {import("./row.js").Row[]} rows */
export const toCsv = (rows) => writeCsv(COLUMNS, rows.map(record));

/**
 * A session with everything but its patterns.
 * @param {{name: string, note?: string}} session
 * @param {import("./row.js").Row[]} rows
 */
export function toJson({ name, note = "" }, rows) {
  const kept = rows.map(({ id, session, place, blob, mask, ...row }) => row);
  return `${JSON.stringify({ format: FORMAT, format_version: FORMAT_VERSION, name, note, units: UNITS, rows: kept }, null, 1)}\n`;
}

const numberOf = (text) => (text ? Number(text) : null);

/** How to tilt, of a line of CSV. */
function tiltOf(line) {
  if (!line.guide_alpha_deg) return null;
  const entries = Object.entries(TILT).map(([name, key]) => [key, numberOf(line[name])]);
  return { ...Object.fromEntries(entries), decided: line.guide_decided === "true", calibration: line.stage_calibration };
}

/** A row of a line of CSV. What the CSV has no column for is empty: distribution, alternatives. */
function rowOf(line, session) {
  const answered = !["waiting", "working", "failed"].includes(line.status);
  const asked = Object.entries(ASKED).filter(([name]) => line[name] !== "");
  /** @type {any} */
  const parameters = Object.fromEntries(asked.map(([name, key]) => (
    [key, key === "system" && !/^\d+$/.test(line[name]) ? line[name] : Number(line[name])]
  )));
  const turned = {
    ...(Number(line.turned_deg) && { turn_deg: Number(line.turned_deg) }),
    ...(line.mirrored === "true" && { mirrored: true }),
  };
  if (Object.keys(turned).length) parameters.file_params = turned;
  // A table names the calibration alone.
  if (line.asked_microscope) parameters.microscope = { name: line.asked_microscope, text: "" };
  return newRow({
    session,
    file: line.file,
    frame: numberOf(line.frame),
    sha256: line.file_sha256,
    parameters: { ...parameters, refine: line.asked_fit !== "false" },
    state: answered ? "done" : line.status === "failed" ? "failed" : "waiting",
    answer: answered ? answerOf(line) : null,
    alpha_deg: numberOf(line.stage_alpha_deg),
    beta_deg: numberOf(line.stage_beta_deg),
    guidance: tiltOf(line),
    problem: line.problem,
    note: line.note,
    date: line.date,
  });
}

function answerOf(line) {
  return {
    ...Object.fromEntries(NUMBERS.map((name) => [name, numberOf(line[name])])),
    system: line.system,
    status: line.status,
    status_words: "",
    thickness_interval95_nm: [numberOf(line.thickness_low95_nm), numberOf(line.thickness_high95_nm)],
    warnings: line.warnings ? line.warnings.split(" | ") : [],
    alternatives: [],
    thickness_distribution: { thickness_nm: [], probability: [] },
    metadata: { extra: {} },
    provenance: Object.fromEntries(ORIGIN.filter((name) => line[name]).map((name) => [name, line[name]])),
  };
}

/**
 * Rows of a file that `toCsv` or `toJson` wrote.
 * @param {string} text
 * @param {number} session that they go to
 * @returns {{name: string | null, note: string, rows: import("./row.js").Row[]}}
 * @throws {Error} with words where the file is none of them
 */
export function rowsFrom(text, session) {
  return text.trimStart().startsWith("{") ? fromJson(text, session) : fromCsv(text, session);
}

function fromCsv(text, session) {
  const lines = readCsv(text);
  const missing = COLUMNS.find((name) => lines.length && !(name in lines[0]) && !LATER.includes(name));
  if (!lines.length || missing) {
    throw new Error(lines.length ? `It is no table of results: the column ${missing} is missing.` :
      "It is no table of results, or an empty one.");
  }
  return { name: null, note: "", rows: lines.map((line) => rowOf(line, session)) };
}

function fromJson(text, session) {
  let content = null;
  try {
    content = JSON.parse(text);
  } catch {
    throw new Error("It is damaged: no JSON.");
  }
  if (content.format !== FORMAT || !Array.isArray(content.rows)) {
    throw new Error("It is no session: save one with the button JSON, or take a table of results (CSV).");
  }
  if (content.format_version > FORMAT_VERSION) throw new Error("A newer version wrote it; update PACBED-CNN.");
  const rows = content.rows.map((row) => {
    if (typeof row.file !== "string") throw new Error("It is damaged: a row has no file.");
    const kept = newRow({ ...row, session, blob: null, mask: null });
    delete kept.id;
    if (!kept.answer && kept.state !== "failed") kept.state = "waiting";
    return kept;
  });
  const words = (value) => (typeof value === "string" ? value : null);
  return { name: words(content.name), note: words(content.note) ?? "", rows };
}
