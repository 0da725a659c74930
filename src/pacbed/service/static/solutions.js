/** The solutions of an answer: itself and its alternatives, and which of them is drawn. */

import { item, part, pushButton } from "./dom.js";
import { fixed, percent } from "./format.js";

/**
 * An answer with another of its solutions in the place of its own, for drawing.
 * @param {any} answer
 * @param {any} other one of its alternatives
 */
export const asAnswer = (answer, other) => ({ ...answer, ...other, system: answer.system });

/** Of the networks' alternatives nothing but the thickness is known: they cannot be drawn. */
const isDrawable = ({ tilt_x_mrad: x, rotation_deg: turned }) => Number.isFinite(x) && Number.isFinite(turned);

function wordsOf(other) {
  const tilt = other.mistilt_mrad === null ? "" : ` at ${fixed(other.mistilt_mrad, 1)} mrad`;
  const left = Number.isFinite(other.residual) ? `, residual ${percent(other.residual)}` : "";
  return `${fixed(other.thickness_nm, 1)} nm${tilt} (probability ${percent(other.probability, 0)}${left})`;
}

/**
 * List the alternatives; a click on one that can be drawn draws it, and another click the answer.
 * @param {any} result
 * @param {(answer: any) => void} draw
 */
export function showAlternatives(result, draw) {
  const { answer, original } = result;
  part("alternatives").replaceChildren(...answer.alternatives.map((other) => {
    if (!original || !isDrawable(other)) return item("li", `Also possible: ${wordsOf(other)}`);
    const own = asAnswer(answer, other);
    const button = pushButton(wordsOf(other), () => {
      const drawn = button.getAttribute("aria-pressed") !== "true";
      for (const each of part("alternatives").querySelectorAll("button")) each.setAttribute("aria-pressed", "false");
      button.setAttribute("aria-pressed", String(drawn));
      draw(drawn ? own : answer);
    });
    button.className = "plain";
    button.setAttribute("aria-pressed", "false");
    return item("li", "", "Also possible, a click draws it: ", button);
  }));
}
