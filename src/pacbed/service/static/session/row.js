/**
 * A row of a session: one pattern, how it was asked, and what came of it.
 *
 * @typedef {object} Row
 * @property {number} [id] given by the store
 * @property {number} session
 * @property {number} place in the order of the session
 * @property {string} file name of its file
 * @property {number | null} frame of a stack; null of a file that holds one pattern, or of one
 *   into which nobody has looked yet
 * @property {number | null} blob where the store keeps the file; null where it is not kept
 * @property {number | null} mask where the store keeps the file of its mask; null where it has none
 * @property {string} sha256 of the file; empty where it is not known
 * @property {object} parameters as they were asked
 * @property {"waiting" | "working" | "done" | "failed"} state
 * @property {any} answer without pictures; null as long as there is none
 * @property {number | null} alpha_deg of the stage, as the pattern's file or the user says; null where neither does
 * @property {number | null} beta_deg likewise
 * @property {import("./tilting.js").Tilt | null} guidance how to tilt from there; null where no calibration of a
 *   stage says it
 * @property {string} problem why there is no answer
 * @property {string} note of the user
 * @property {string} date of the answer, ISO 8601; empty as long as there is none
 */

/**
 * @param {Partial<Row> & {session: number, file: string}} known
 * @returns {Row}
 */
export function newRow(known) {
  return {
    place: 0, frame: null, blob: null, mask: null, sha256: "", parameters: {}, state: "waiting", answer: null,
    alpha_deg: null, beta_deg: null, guidance: null, problem: "", note: "", date: "", ...known,
  };
}

/** What an answer leaves behind in a row: everything but its pictures, which are drawn again. */
export function withoutPictures({ validation, views, ...numbers }) {
  return numbers;
}

/** Angles of the stage that the file of an answer says. @returns {{alpha_deg: number | null, beta_deg: number | null}} */
export const statedAngles = ({ metadata }) => (
  { alpha_deg: metadata?.stage_alpha_deg ?? null, beta_deg: metadata?.stage_beta_deg ?? null }
);

/** @param {Row} row its file, and the frame where it has several */
export const rowName = ({ file, frame }) => (frame === null ? file : `${file}, frame ${frame}`);

const NAMES = { out_of_range: "out of range", unchecked: "not checked" };

/** Status of an answer as people read it. */
export const statusName = (status) => NAMES[status] ?? status;

/**
 * Status as it is shown. Networks that were not compared with a simulation answer for every
 * pattern, of whatever crystal: nothing of theirs may look certain.
 */
export const shownStatus = ({ status, residual }) => (status === "ok" && residual === null ? "unchecked" : status);

/** Whether the numbers of an answer must not be used. */
export const isRefused = ({ status }) => status === "mismatch" || status === "out_of_range";

/** @param {Row} row */
export const rowStatus = (row) => (row.state === "done" ? shownStatus(row.answer) : row.state);
