/** A small drawing of a crystal as the beam sees it: two by two projected cells, a disk for each column of atoms. */

import { item } from "./dom.js";
import { shape } from "./svg.js";

const SIDE = 200;
const MARGIN = 12;
/** Of elements in their order; light and dark by turns. */
const COLOURS = ["#4c8bd0", "#e0a030", "#4fa36b", "#c2607f", "#8a73c9", "#7d8690"];

/** Shares of a cell: a column this near to its border is drawn on the border across as well. */
const NEAR = 1e-3;
/** Å: elements nearer to each other share a column, and are drawn as disks within each other. */
const SHARED_A = 0.05;

/**
 * All columns of two by two cells and on their borders, as `[symbol, x, y, under]`; `under` counts
 * other elements of the same column that are drawn before it.
 * @param {{cell_A: number[][], columns: {symbol: string, x_A: number, y_A: number}[]}} projection
 * @returns {[string, number, number, number][]}
 */
function repeated({ cell_A, columns }) {
  const [a, b] = cell_A;
  const area = a[0] * b[1] - a[1] * b[0];
  const steps = [0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => [i, j]));
  return columns.flatMap(({ symbol, x_A: x, y_A: y }, k) => {
    const under = columns.slice(0, k).filter((other) => Math.hypot(other.x_A - x, other.y_A - y) < SHARED_A).length;
    const [along, across] = [(x * b[1] - y * b[0]) / area, (a[0] * y - a[1] * x) / area];
    return steps.filter(([i, j]) => along + i < 2 + NEAR && across + j < 2 + NEAR).map(([i, j]) => (
      /** @type {[string, number, number, number]} */ ([symbol, x + i * a[0] + j * b[0], y + i * a[1] + j * b[1], under])
    ));
  });
}

/**
 * @param {string} formula
 * @param {{cell_A: number[][], columns: {symbol: string, x_A: number, y_A: number}[]}} projection
 * @returns {HTMLElement} a figure; right is x of the pattern at rotation 0, down is y
 */
export function drawProjection(formula, projection) {
  const [a, b] = projection.cell_A;
  const columns = repeated(projection);
  const corners = [[0, 0], a, b, [a[0] + b[0], a[1] + b[1]]];
  const ends = [...corners, ...columns.map(([, x, y]) => [x, y])];
  const [left, top] = [0, 1].map((k) => Math.min(...ends.map((end) => end[k])));
  const [right, bottom] = [0, 1].map((k) => Math.max(...ends.map((end) => end[k])));
  const scale = (SIDE - 2 * MARGIN) / Math.max(right - left, bottom - top);
  const at = (x, y) => [MARGIN + scale * (x - left), MARGIN + scale * (y - top)];
  const symbols = [...new Set(projection.columns.map(({ symbol }) => symbol))];
  const count = (symbol) => projection.columns.filter((column) => column.symbol === symbol).length;
  const colourOf = (symbol) => COLOURS[symbols.indexOf(symbol) % COLOURS.length];
  const words = `${formula} along the beam; in one cell ${symbols.map((s) => `${count(s)} ${s}`).join(", ")}`;
  const drawing = shape("svg", {
    viewBox: `0 0 ${SIDE} ${Math.ceil(2 * MARGIN + scale * (bottom - top))}`, role: "img", "aria-label": words, class: "projected",
  });
  const outline = [corners[0], corners[1], corners[3], corners[2]].map(([x, y]) => at(x, y).join(",")).join(" ");
  drawing.append(shape("polygon", { points: outline, class: "cell" }));
  const radius = Math.max(2.5, Math.min(9, 0.16 * scale * Math.sqrt(Math.abs(a[0] * b[1] - a[1] * b[0]) / projection.columns.length)));
  for (const [symbol, x, y, under] of columns) {
    const [cx, cy] = at(x, y);
    drawing.append(shape("circle", { cx, cy, r: radius * 0.6 ** under, fill: colourOf(symbol) }, shape("title", {}, symbol)));
  }
  const legend = symbols.flatMap((symbol) => [swatch(colourOf(symbol)), ` ${count(symbol)} ${symbol} `]);
  return item("figure", "", drawing, item("figcaption", "", item("span", "", ...legend, "in a cell")));
}

const swatch = (fill) => {
  const drawing = shape("svg", { viewBox: "0 0 10 10", class: "projected swatch", "aria-hidden": "true" });
  drawing.append(shape("circle", { cx: 5, cy: 5, r: 4, fill }));
  return drawing;
};
