/** What the colours of a picture mean. */

import { colorTable } from "./colormaps.js";
import { item } from "./dom.js";
import { paint } from "./paint.js";

const STEPS = 256;

/**
 * @param {HTMLElement} place takes a bar and the values at its ends and middle
 * @param {string} colors
 * @param {(level: number) => number} valueOf
 */
export function showColorbar(place, colors, valueOf) {
  const canvas = item("canvas");
  canvas.width = STEPS;
  canvas.height = 1;
  const levels = Float32Array.from({ length: STEPS }, (_, i) => i / (STEPS - 1));
  canvas.getContext("2d").drawImage(paint(levels, 1, STEPS, colorTable(colors), (level) => level), 0, 0);
  canvas.setAttribute("aria-hidden", "true");
  const values = [0, 0.5, 1].map((level) => item("span", String(Number(valueOf(level).toPrecision(3)))));
  place.replaceChildren(canvas, item("div", "", ...values));
}
