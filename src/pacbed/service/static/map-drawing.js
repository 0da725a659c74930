/** Drawing of a map's layers on canvases. */

import { colorTable } from "./colormaps.js";
import { paint } from "./paint.js";
import { LAYERS, STATUS_COLORS, numbersOf, tiltOf } from "./map-layers.js";

/** @typedef {import("./map-layers.js").Place} Place */

/** Arrows along a side, at most. */
const MOST_ARROWS = 24;

/** Lowest and highest number of a layer. */
export function spanOfLayer(map, name) {
  const finite = numbersOf(map, name).filter(Number.isFinite);
  if (!finite.length) return { low: 0, high: 1 };
  const low = finite.reduce((least, value) => Math.min(least, value));
  const high = finite.reduce((most, value) => Math.max(most, value));
  return { low, high: high > low ? high : low + 1 };
}

/** A layer as a picture of one pixel to a window. */
export function sheetOf(map, name) {
  if (name === "status") return statusSheet(map);
  const { low, high } = spanOfLayer(map, name);
  const table = colorTable(LAYERS[name]?.colors ?? "grey");
  return paint(numbersOf(map, name), map.rows, map.columns, table, (value) => (value - low) / (high - low));
}

function statusSheet({ rows, columns, status }) {
  const names = Object.keys(STATUS_COLORS);
  const table = new Uint8ClampedArray(256 * 3);
  names.forEach((name, i) => {
    const color = parseInt(STATUS_COLORS[name].slice(1), 16);
    table.set([color >> 16, (color >> 8) & 255, color & 255], 3 * i);
  });
  const codes = Float32Array.from(status, (name) => names.indexOf(name));
  return paint(codes, rows, columns, table, (code) => code / 255);
}

/**
 * Draw a layer with the window that is looked at.
 * @param {HTMLCanvasElement} canvas
 * @param {any} map
 * @param {OffscreenCanvas} sheet
 * @param {{at: Place | null, from: Place | null, arrows: boolean}} marks
 */
export function drawLayer(canvas, map, sheet, { at, from, arrows }) {
  const width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
  const aspect = (map.rows * map.row_step) / (map.columns * map.column_step);
  canvas.width = width;
  canvas.height = Math.max(1, Math.round(width * Math.min(3, Math.max(0.2, aspect))));
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(sheet, 0, 0, canvas.width, canvas.height);
  const cell = [canvas.width / map.columns, canvas.height / map.rows];
  /** @type {(place: Place) => [number, number]} */
  const middle = ([row, column]) => [(column + 0.5) * cell[0], (row + 0.5) * cell[1]];
  if (arrows) drawArrows(context, map, cell, middle);
  if (from && at) stroke(context, () => {
    context.moveTo(...middle(from));
    context.lineTo(...middle(at));
  });
  if (at) stroke(context, () => {
    const size = cell.map((side) => Math.max(side, 6 * devicePixelRatio));
    const [x, y] = middle(at);
    context.rect(x - size[0] / 2, y - size[1] / 2, size[0], size[1]);
  });
}

function stroke(context, draw) {
  for (const [style, width] of [["#000", 4], ["#fff", 1.5]]) {
    context.strokeStyle = String(style);
    context.lineWidth = Number(width) * devicePixelRatio;
    context.beginPath();
    draw();
    context.stroke();
  }
}

function drawArrows(context, map, cell, middle) {
  const every = Math.max(1, Math.ceil(Math.max(map.rows, map.columns) / MOST_ARROWS));
  const { high } = spanOfLayer(map, "mistilt_mrad");
  const reach = (0.5 * every * Math.min(...cell)) / high;
  for (let row = every >> 1; row < map.rows; row += every) {
    for (let column = every >> 1; column < map.columns; column += every) {
      const [x, y] = tiltOf(map, row, column);
      if (x === null || y === null) continue;
      const [left, top] = middle([row, column]);
      const [toX, toY] = [left + reach * x, top + reach * y];
      stroke(context, () => {
        context.moveTo(left, top);
        context.lineTo(toX, toY);
        context.arc(toX, toY, 1.5 * devicePixelRatio, 0, 7);
      });
    }
  }
}
