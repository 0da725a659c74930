/** What the service understood of a structure file, with its factors B to edit. */

import { item, part } from "./dom.js";
import { drawProjection } from "./projected-cell.js";

const SOURCES = {
  given: "as given",
  CIF: "from the CIF",
  stated: "as its B source says",
  default: "a default: the CIF has none, so look it up",
};

const span = ({ lowest, highest }) => (highest > lowest + 5e-4 ?
  `${lowest.toFixed(3)} to ${highest.toFixed(3)}` : String(Number(lowest.toFixed(4))));

export function hideUnderstood() {
  part("understood").hidden = true;
}

/**
 * @param {object} answer as of `PacbedClient.understandStructure`
 * @param {boolean} again of the same structure: the factors that were stated stay, and the focus
 */
export function showUnderstood({ name, understood }, again) {
  part("understood-title").textContent = `Understood as ${understood.formula}`;
  // The factors have fields of their own.
  const lines = understood.lines.filter(([label]) => label && label !== "B");
  const drawn = understood.projection ?
    [["As the beam sees it", drawProjection(understood.formula, understood.projection)]] : [];
  part("understood-lines").replaceChildren(...[...drawn, ...lines].map(([label, words]) => {
    const line = document.createElement("div");
    line.append(item("dt", label), item("dd", "", words));
    return line;
  }));
  part("understood-warnings").replaceChildren(
    ...understood.warnings.map((words) => item("li", words)),
  );
  const stated = again ? factorInputs().map(({ value }) => value) : [];
  const isStated = lines.some(([label]) => label === "B source");
  part("factors-fields").replaceChildren(...understood.factors.map((factor) => factorField(
    factor.source === "CIF" && isStated ? { ...factor, source: "stated" } : factor,
  )));
  factorInputs().forEach((input, number) => { input.value = stated[number] ?? ""; });
  part("own-name").placeholder = name;
  part("understood").hidden = false;
  if (!again) part("understood").focus();
}

const factorInputs = () => [...part("factors-fields").querySelectorAll("input")];

function factorField(factor) {
  const label = item("label", factor.symbol);
  const input = document.createElement("input");
  Object.assign(input, { type: "number", min: "0", max: "20", step: "any", placeholder: span(factor) });
  input.dataset.symbol = factor.symbol;
  input.id = `factor-${factor.symbol}`;
  label.htmlFor = input.id;
  const words = item("p", `${span(factor)} Å², ${SOURCES[factor.source]}`);
  words.id = `${input.id}-hint`;
  words.className = "hint";
  input.setAttribute("aria-describedby", `${words.id} factors-error`);
  const box = document.createElement("div");
  box.append(label, input, words);
  return box;
}

/** The factors that the user has stated, in the service's words; empty where there are none. */
export function statedFactors() {
  const stated = factorInputs().filter(({ value }) => value);
  return stated.map(({ dataset, value }) => `${dataset.symbol}=${value}`).join(",");
}
