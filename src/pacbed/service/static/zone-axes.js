/** A small picture of a crystal's zone axes, to choose one in: a stereographic projection along c. */

import { item, part } from "./dom.js";
import { showFieldError } from "./fields.js";
import { shape } from "./svg.js";

/** Radius of the picture's circle, and size of its letters, in hundredths of its side. */
const RADIUS = 43;
const LETTERS = 5;

const state = { axes: [], asking: null };

/** Where an axis lies in the picture, in hundredths of its side: a to the right, b up. */
function place({ direction: [x, y, z] }) {
  return [50 + RADIUS * x / (1 + z), 50 - RADIUS * y / (1 + z)];
}

const words = ({ name, repeat_A: repeat, alike }) => (
  `[${name}] repeats every ${repeat.toFixed(2)} Å${alike > 1 ? `, one of ${alike} alike` : ""}`
);

/** A choice for each axis; what is alike is fainter, and follows. */
function choice(axis) {
  const [left, top] = place(axis);
  const input = item("input");
  Object.assign(input, { type: "radio", name: "zone-axis-of-picture", value: axis.name, title: words(axis) });
  input.setAttribute("aria-label", words(axis));
  input.classList.toggle("first", axis.first);
  input.style.left = `${left}%`;
  input.style.top = `${top}%`;
  return input;
}

/** Where the middle of a name may lie, from its mark, by its half width; the first that is free is taken. */
const BESIDE = (half) => [[half + 5, 0], [0, -5.5], [0, 5.5], [-half - 5, 0]];

/** Names beside the axes that stand for others, where there is room; marks of others are hidden last. */
function names(axes) {
  const shown = axes.filter(({ first }) => first);
  // Each as its middle, half width and half height.
  const marks = axes.map((axis) => [...place(axis), 2, axis.first ? 2.5 : 2]);
  const taken = marks.slice(0, shown.length);
  return shown.flatMap((axis) => {
    const text = axis.name.replaceAll(" ", "");
    const half = 0.29 * LETTERS * text.length;
    const [left, top] = place(axis);
    const inside = BESIDE(half).map(([x, y]) => [left + x, top + y])
      .filter(([x, y]) => x > half && x < 100 - half && y > LETTERS / 2);
    const clear = (others) => inside.find(([x, y]) => !others.some(([otherX, otherY, width, height]) => (
      Math.abs(x - otherX) < half + width + 1 && Math.abs(y - otherY) < LETTERS / 2 + height)));
    const free = clear([...marks, ...taken]) ?? clear(taken);
    if (!free) return [];
    taken.push([...free, half, LETTERS / 2]);
    const [x, y] = [free[0], free[1] + 0.35 * LETTERS];
    return [shape("text", { x, y, "font-size": LETTERS, "text-anchor": "middle" }, text)];
  });
}

function draw(axes) {
  const drawing = shape("svg", { viewBox: "0 0 100 100", "aria-hidden": "true" });
  const [left, right] = [50 - RADIUS, 50 + RADIUS];
  drawing.append(
    shape("circle", { cx: 50, cy: 50, r: RADIUS }),
    shape("path", { d: `M ${left} 50 H ${right} M 50 ${left} V ${right}` }),
    ...names(axes),
  );
  // Letters lie above the marks, and let clicks through.
  part("axes-picture").replaceChildren(...axes.map(choice), drawing);
}

/** The same numbers, or all with the other sign: an axis and its opposite are one. */
const same = (some, others) => some.length === others.length && [1, -1].some((sign) => (
  some.every((number, k) => number === sign * others[k])
));

/** Mark the axis that the field holds, however it is written. */
function markAxis() {
  const read = (text) => (text.match(/-?\d/g) ?? []).map(Number);
  const given = read(part("axis").value);
  const found = state.axes.find(({ name, indices }) => same(read(name), given) || same(indices, given));
  for (const input of part("axes-picture").querySelectorAll("input")) input.checked = input.value === found?.name;
  if (state.axes.length) part("axes-words").textContent = found ? words(found) : "";
}

/**
 * Show the zone axes of the chosen structure, or none where there is no structure.
 * @param {import("./pacbed-client.js").PacbedClient} client
 * @param {(error: any) => string} explain
 */
export async function offerAxes(client, explain) {
  const [file] = part("cif").files;
  state.asking?.abort();
  state.axes = [];
  showFieldError(part("cif"), "");
  part("axes").hidden = !file;
  if (!file) return;
  // Its room is taken at once: nothing moves below a hand that fills in the next field.
  draw([]);
  part("axes-words").textContent = "Looking for the axes of this crystal …";
  const asking = state.asking = new AbortController();
  try {
    const { zone_axes: axes } = await client.zoneAxes(file, { signal: asking.signal });
    if (state.asking !== asking) return;
    state.axes = axes;
    draw(axes);
    markAxis();
  } catch (error) {
    if (!error.code) throw error;
    if (state.asking !== asking) return;
    // Without the picture the field still takes an axis; what else is wrong is said when that is read.
    part("axes").hidden = true;
    if (error.field === "file") showFieldError(part("cif"), explain(error));
  }
}

/** @param {() => void} onChosen an axis of the picture, which the field then holds */
export function connectAxes(onChosen) {
  part("axis").addEventListener("input", markAxis);
  part("axes").addEventListener("change", ({ target }) => {
    part("axis").value = target.value;
    showFieldError(part("axis"), "");
    markAxis();
    onChosen();
  });
}
