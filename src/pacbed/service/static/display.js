/** The three pictures of an answer, and the controls of their display. */

import { part } from "./dom.js";
import { ZOOM_STEP } from "./gestures.js";
import { LinkedViewers } from "./viewer.js";

const NAMES = ["measured", "simulated", "difference"];
const LIMITS = { "display-low": "low", "display-high": "high", "display-bound": "bound" };

const each = (prefix) => /** @type {any} */ (Object.fromEntries(NAMES.map((name) => [name, part(prefix + name)])));

const viewers = new LinkedViewers(each(""), each("bar-"), (words) => { part("readout").value = words; });

/** Show a view, see `viewOf`; darkest and brightest are what its values suggest. */
export function display(view) {
  viewers.show(view);
  showLimits();
}

function showLimits() {
  for (const [id, name] of Object.entries(LIMITS)) part(id).value = String(Number(viewers.span[name].toPrecision(3)));
}

/** Take a limit that makes sense; what is none goes back to what it was. */
function limit(id) {
  const { low, high } = viewers.span;
  const value = part(id).value === "" ? null : Number(part(id).value);
  const sensible = { low: value < high, high: value > low, bound: value > 0 };
  if (value === null || sensible[LIMITS[id]]) viewers.setSpan({ [LIMITS[id]]: value });
  showLimits();
}

function scale(intensity) {
  part("gamma-row").hidden = intensity !== "gamma";
  for (const name of ["measured", "simulated"]) part(`log-${name}`).checked = intensity === "log";
  logs(intensity);
}

function logs(intensity) {
  const log = Object.fromEntries(NAMES.map((name) => [name, part(`log-${name}`).checked]));
  viewers.setLook({ intensity, log });
}

/** Connect the controls. */
export function connectDisplay() {
  part("colors").addEventListener("change", (event) => viewers.setLook({ colors: event.target.value }));
  part("intensity").addEventListener("change", (event) => scale(event.target.value));
  for (const name of NAMES) part(`log-${name}`).addEventListener("change", () => logs(part("intensity").value));
  part("gamma").addEventListener("input", (event) => viewers.setLook({ gamma: Number(event.target.value) }));
  for (const id of Object.keys(LIMITS)) part(id).addEventListener("change", () => limit(id));
  part("limits-reset").addEventListener("click", () => {
    viewers.setSpan({ low: null, high: null, bound: null });
    showLimits();
  });
  part("reset").addEventListener("click", () => viewers.reset());
  part("zoom-in").addEventListener("click", () => viewers.zoomAt(ZOOM_STEP));
  part("zoom-out").addEventListener("click", () => viewers.zoomAt(1 / ZOOM_STEP));
}
