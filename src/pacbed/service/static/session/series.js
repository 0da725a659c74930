/** Thickness and mistilt along the series of a session, drawn as SVG. */

import { item, part } from "../dom.js";
import { fixed, withError } from "../format.js";
import { shape } from "../svg.js";
import { ticks } from "../ticks.js";
import { rowName, shownStatus, statusName } from "./row.js";

const WIDTH = 640;
const HEIGHT = 130;
const LEFT = 52;
const RIGHT = 8;
const TOP = 10;
const BOTTOM = 22;

const KINDS = [
  { id: "series-thickness", title: "Thickness (nm)", value: "thickness_nm", error: "thickness_std_nm" },
  { id: "series-mistilt", title: "Mistilt (mrad)", value: "mistilt_mrad", error: "tilt_std_mrad" },
];

/**
 * Draw both; nothing where fewer than two rows have an answer.
 * @param {import("./row.js").Row[]} rows in the order of the table
 * @param {(row: any) => void} open
 */
export function drawSeries(rows, open) {
  const answered = rows.filter(({ answer }) => answer);
  part("series").hidden = answered.length < 2;
  for (const kind of KINDS) {
    const points = rows.map((row, place) => ({ row, place })).filter(({ row }) => (
      row.answer && Number.isFinite(row.answer[kind.value])
    ));
    part(kind.id).replaceChildren(...(answered.length < 2 || !points.length ? [] :
      [item("h4", kind.title), chart(kind, points, rows.length, open)]));
  }
}

function chart(kind, points, places, open) {
  const ends = points.flatMap(({ row: { answer } }) => {
    const error = Math.min(answer[kind.error] ?? 0, Math.abs(answer[kind.value]) + 1);
    return [answer[kind.value] - error, answer[kind.value] + error];
  });
  const low = Math.max(0, Math.min(...ends));
  const high = Math.max(...ends, low + 0.1);
  const x = (place) => LEFT + ((place + 0.5) / places) * (WIDTH - LEFT - RIGHT);
  const y = (value) => {
    const share = Math.min(1, Math.max(0, (value - low) / (high - low)));
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
  };
  const drawing = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group" });
  drawing.setAttribute("aria-label", `${kind.title} of ${points.length} patterns, ` +
    `${fixed(Math.min(...points.map(({ row }) => row.answer[kind.value])), 1)} to ` +
    `${fixed(Math.max(...points.map(({ row }) => row.answer[kind.value])), 1)}; the table has the numbers`);
  for (const value of ticks(low, high)) {
    drawing.append(
      shape("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value), class: "grid" }),
      shape("text", { x: LEFT - 6, y: y(value) + 4, class: "tick end" }, String(Number(value.toPrecision(6)))),
    );
  }
  for (const place of [0, places - 1]) {
    drawing.append(shape("text", { x: x(place), y: HEIGHT - 6, class: "tick" }, String(place + 1)));
  }
  for (const { row, place } of points) drawing.append(mark(kind, row, x(place), y, open));
  return drawing;
}

function mark(kind, row, x, y, open) {
  const { answer } = row;
  const value = answer[kind.value];
  const error = answer[kind.error];
  const title = shape("title", {}, `${rowName(row)}: ${withError(value, error)}, ${statusName(shownStatus(answer))}`);
  const group = shape("g", { class: "mark", "data-status": shownStatus(answer) }, title);
  if (Number.isFinite(error)) {
    group.append(shape("line", { x1: x, x2: x, y1: y(value - error), y2: y(value + error) }));
  }
  group.append(shape("circle", { cx: x, cy: y(value), r: 4 }));
  group.addEventListener("click", () => open(row));
  return group;
}
