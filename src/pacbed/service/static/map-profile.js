/** A layer of a map along a line, drawn. */

import { shape } from "./svg.js";
import { ticks } from "./ticks.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [640, 150, 56, 10, 10, 34];

/**
 * @param {HTMLElement} place
 * @param {{distance: number, value: number}[]} points nothing is drawn of fewer than two
 * @param {string} title of the layer
 * @param {string} unit of the distance
 */
export function showProfile(place, points, title, unit) {
  const known = points.filter(({ value }) => Number.isFinite(value));
  place.replaceChildren();
  if (points.length < 2 || !known.length) return;
  const values = known.map(({ value }) => value);
  const [low, high] = [Math.min(...values), Math.max(Math.max(...values), Math.min(...values) + 1e-6)];
  const longest = points[points.length - 1].distance;
  const x = (distance) => LEFT + (distance / longest) * (WIDTH - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const drawing = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  drawing.setAttribute("aria-label", `${title} along the line, ${points.length} windows, ` +
    `${low.toPrecision(3)} to ${high.toPrecision(3)}`);
  for (const value of ticks(low, high)) {
    drawing.append(
      shape("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: "grid" }),
      shape("text", { x: LEFT - 6, y: y(value) + 4, class: "tick end" }, String(Number(value.toPrecision(6)))),
    );
  }
  for (const value of ticks(0, longest)) {
    drawing.append(shape("text", { x: x(value), y: HEIGHT - 18, class: "tick" }, String(Number(value.toPrecision(6)))));
  }
  drawing.append(shape("text", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 4, class: "tick" }, `${title} along the line (${unit})`));
  // A window without an answer breaks the line.
  let begun = false;
  const path = points.map(({ distance, value }) => {
    if (!Number.isFinite(value)) {
      begun = false;
      return "";
    }
    const command = begun ? "L" : "M";
    begun = true;
    return `${command}${x(distance)} ${y(value)}`;
  }).join("");
  drawing.append(shape("path", { d: path, class: "curve" }));
  for (const { distance, value } of known) drawing.append(shape("circle", { cx: x(distance), cy: y(value), r: 2.5 }));
  place.append(drawing);
}
