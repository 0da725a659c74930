/** Patterns as pictures that stay as they are: for paper, and for rows of pictures side by side. */

import { colorTable } from "./colormaps.js";
import { item } from "./dom.js";
import { drawMarks } from "./marks.js";
import { paint } from "./paint.js";
import { differenceOf, spanOf } from "./scales.js";

const NAMES = { measured: "Measured", simulated: "Simulated", difference: "Difference" };

/**
 * @param {any} view of `viewOf`
 * @param {("measured" | "simulated" | "difference")[]} names
 * @param {number} [side] of a picture, pixels
 * @returns {HTMLElement[]} a figure for each that there is
 */
export function stills(view, names = ["measured", "simulated", "difference"], side = 440) {
  const { measured, simulated } = view;
  const values = { measured, simulated, difference: differenceOf(measured, simulated) };
  const span = spanOf(measured, values.difference);
  return names.filter((name) => values[name]).map((name) => {
    const canvas = item("canvas");
    canvas.width = side;
    canvas.height = side;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${NAMES[name]} pattern`);
    draw(canvas, view, sheetOf(view, values[name], name, span), name);
    return item("figure", "", item("figcaption", NAMES[name]), canvas);
  });
}

function sheetOf({ rows, columns }, values, name, { low, high, bound }) {
  if (name === "difference") {
    return paint(values, rows, columns, colorTable("difference"), (value) => 0.5 + (0.5 * value) / bound);
  }
  return paint(values, rows, columns, colorTable("inferno"), (value) => (value - low) / (high - low));
}

function draw(canvas, view, sheet, name) {
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  const scale = canvas.width / Math.max(view.rows, view.columns);
  const [left, top] = [(canvas.width - scale * view.columns) / 2, (canvas.height - scale * view.rows) / 2];
  context.drawImage(sheet, left, top, scale * sheet.width, scale * sheet.height);
  drawMarks(context, view, { left, top, scale }, name === "difference" ? "#000" : "#fff");
}
