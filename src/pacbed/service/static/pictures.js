/** Measured and simulated pattern of an answer, drawn when somebody looks at it. */

import { unpack } from "./pacbed-client.js";
import { plain } from "./plain.js";
import { fileParams } from "./requests.js";

/** What the service needs to draw an answer. */
const NEEDED = [
  "system", "thickness_nm", "tilt_x_mrad", "tilt_y_mrad", "rotation_deg", "convergence_mrad",
  "mrad_per_pixel", "center_row_px", "center_column_px",
];

/** As many are kept for when they are looked at again. */
const KEPT = 20;
const drawn = new Map();

/**
 * @param {import("./pacbed-client.js").PacbedClient} client
 * @param {{answer: any, original: File | null, mask?: File | null, frame: number | null, parameters?: any}} result
 * @returns {Promise<{views: any, words: string}>} pictures, or why there are none
 */
export async function picturesOf(client, { answer, original, mask, frame, parameters }) {
  if (!original) return { views: null, words: "The pattern's file is not kept here: no pictures." };
  if (drawn.has(answer)) return { views: drawn.get(answer), words: "" };
  const asked = Object.fromEntries(NEEDED.map((name) => [name, answer[name]]));
  // Answers of earlier versions do not say it.
  if (answer.pixel_aspect) asked.pixel_aspect = answer.pixel_aspect;
  try {
    const views = await client.views(original, { ...asked, file_params: fileParams(parameters, frame) }, { mask });
    drawn.set(answer, views);
    if (drawn.size > KEPT) drawn.delete(drawn.keys().next().value);
    return { views, words: "" };
  } catch (error) {
    if (!error.code) throw error;
    return { views: null, words: `No pictures: ${plain(error.message)}` };
  }
}

/** Pictures of the service as values, with the zone axis of the answer. */
export function viewOf(views, { tilt_x_mrad, tilt_y_mrad }) {
  const values = (packed) => packed && unpack(packed, views.minimum, views.maximum);
  return { ...views, tilt_x_mrad, tilt_y_mrad, measured: values(views.measured), simulated: values(views.simulated) };
}
