/** Angles along the edges of a picture, in mrad from the centre of the bright-field disk. */

import { ticks } from "./ticks.js";

const FONT_PX = 11;

/**
 * @param {CanvasRenderingContext2D} context
 * @param {any} view centre and angle per pixel
 * @param {{left: number, top: number, scale: number}} frame where the pattern lies on the canvas
 * @param {number} side of the canvas
 */
export function drawAxes(context, view, { left, top, scale }, side) {
  const perMrad = scale / view.mrad_per_pixel;
  const x = left + (view.center_column_px + 0.5) * scale;
  const y = top + (view.center_row_px + 0.5) * scale;
  const [length, size] = [5 * devicePixelRatio, FONT_PX * devicePixelRatio];
  context.font = `${size}px sans-serif`;
  context.lineJoin = "round";
  context.textBaseline = "middle";
  const label = (value, place, across, align) => {
    context.textAlign = align;
    written(context, String(Number(value.toPrecision(6))), place, across);
  };
  for (const value of ticks(-x / perMrad, (side - x) / perMrad)) {
    const at = x + value * perMrad;
    stroked(context, at, side - length, at, side);
    if (at > 2 * size && at < side - 2 * size) label(value, at, side - length - 0.7 * size, "center");
  }
  for (const value of ticks(-y / perMrad, (side - y) / perMrad)) {
    const at = y + value * perMrad;
    stroked(context, 0, at, length, at);
    if (at > size && at < side - 2.5 * size) label(value, length + 3 * devicePixelRatio, at, "left");
  }
  context.textAlign = "right";
  written(context, "mrad", side - 4 * devicePixelRatio, side - length - 0.7 * size);
}

/** A line, and words, that are seen before every colour. */
function stroked(context, ...[x1, y1, x2, y2]) {
  for (const [style, width] of [["#000", 3], ["#fff", 1]]) {
    context.strokeStyle = String(style);
    context.lineWidth = Number(width) * devicePixelRatio;
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    context.stroke();
  }
}

function written(context, words, x, y) {
  context.strokeStyle = "#000";
  context.lineWidth = 3 * devicePixelRatio;
  context.strokeText(words, x, y);
  context.fillStyle = "#fff";
  context.fillText(words, x, y);
}
