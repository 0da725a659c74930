/** The menu of systems, and what the chosen one covers. */

import { item, part } from "./dom.js";

const state = { systems: [] };

/** In place of a system: all of them are asked. */
export const ANY = "any";

/** What stands behind the names of systems whose models are not the usual ones. */
const MODEL_WORDS = { table: ", without networks", labels: ", labels", earlier: ", model of the earlier system" };

/** Whether the convergence semi-angle may be left out: a fit with a table finds it. */
const findsAngle = ({ model }) => model === "engine" || model === "table";

/** Entry of the chosen system; null where none or all are chosen. */
export const chosenSystem = () =>
  state.systems.find(({ id }) => String(id) === part("system").value) ?? null;

export const asksAll = () => part("system").value === ANY;

/** Systems whose answers can be compared: those with a fit. */
export const comparable = () => state.systems.filter(findsAngle);

/** What `system` is in a request; null where none is chosen. */
export const systemParameter = () => (asksAll() ? ANY : chosenSystem()?.id ?? null);

/** Choose the first system of which something holds; nothing changes where there is none. */
export function chooseSystem(holds) {
  const match = state.systems.find(holds);
  if (match) part("system").value = String(match.id);
  showRanges();
}

/** Choose a system of a high tension, unless the chosen one has it, or all are asked. */
export function chooseHighTension(voltage) {
  const near = ({ high_tension_kV: kV }) => kV && Math.abs(kV - voltage) < 0.02 * kV;
  const chosen = chosenSystem();
  if (voltage && !asksAll() && !(chosen && near(chosen))) chooseSystem(near);
}

/** Smallest and largest convergence semi-angle that the chosen system, or any, covers. */
function angles() {
  const spans = (asksAll() ? state.systems : [chosenSystem()]).map((entry) => entry.convergence_mrad);
  return [Math.min(...spans.map(([low]) => low)), Math.max(...spans.map(([, high]) => high))];
}

const angleMayBeFound = () => asksAll() || findsAngle(chosenSystem());

/** Show what the chosen system covers. */
export function showRanges() {
  const chosen = chosenSystem();
  if (!chosen && !asksAll()) return;
  const [low, high] = angles();
  const input = part("convergence");
  input.min = low;
  input.max = high;
  const found = angleMayBeFound() ? "; found from the pattern where this is empty" : "";
  part("convergence-hint").textContent = `${low} to ${high} mrad${found}. ${chosen ? covered(chosen) :
    "Each system is asked in turn, which takes longer."}`;
}

function covered({ thickness_nm: [thin, thick], mistilt_mrad: [, largest] }) {
  return `This system covers ${thin} to ${thick} nm and mistilts up to ${largest} mrad.`;
}

/**
 * What is wrong with the convergence semi-angle; empty where nothing is.
 * @param {boolean} calibrated whether a calibration says it where the field is empty
 */
export function angleFault(calibrated) {
  const { value, validity } = part("convergence");
  const [low, high] = angles();
  const covers = `${low} to ${high} mrad, which ${asksAll() ? "the systems cover" : "this system covers"}.`;
  if (value && (Number(value) < low || Number(value) > high)) return `${value} mrad lies outside ${covers}`;
  if (validity.badInput) return `The convergence semi-angle must be a number, ${covers}`;
  if (!value && !calibrated && !angleMayBeFound()) return `The convergence semi-angle is needed: ${covers}`;
  return "";
}

/** Fill the menu; what was chosen stays so where it still is there. */
export async function loadSystems(client) {
  const menu = part("system");
  const before = menu.value;
  state.systems = await client.systems();
  const options = state.systems.map((entry) => {
    // Of networks from a table alone not all is known; their name tells them apart.
    const words = (entry.zone_axis && entry.high_tension_kV
      ? `${entry.composition} [${entry.zone_axis.join(" ")}], ${entry.high_tension_kV} kV: ${entry.material}`
      : entry.name) + (MODEL_WORDS[entry.model] ?? "");
    const option = item("option", words);
    option.value = String(entry.id);
    return option;
  });
  if (options.length > 1) {
    const any = item("option", "Any of these: ask all, and rank the answers");
    any.value = ANY;
    options.push(any);
  }
  menu.replaceChildren(...options);
  if (options.some(({ value }) => value === before)) menu.value = before;
  showRanges();
}
