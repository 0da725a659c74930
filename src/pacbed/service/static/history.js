/** The results of this visit, kept in the page alone. */

import { item, leadToAnswer, showAnswer, statusName } from "./answer.js";
import { percent, withError } from "./format.js";

const part = (id) => document.getElementById(id);
/** Patterns are large: only this many results keep theirs. */
const MOST = 50;

export const results = [];

export function remember(result) {
  results.unshift(result);
  results.length = Math.min(results.length, MOST);
  part("history").hidden = false;
  part("history-rows").replaceChildren(...results.map(row));
}

function row(result) {
  const { file, frame, answer } = result;
  const line = document.createElement("tr");
  const name = frame === null ? file : `${file}, frame ${frame}`;
  const cells = [
    name,
    answer.system,
    withError(answer.thickness_nm, answer.thickness_std_nm),
    withError(answer.mistilt_mrad, answer.tilt_std_mrad),
    percent(answer.residual),
    statusName(answer.status),
  ];
  const button = item("button", "Show");
  button.type = "button";
  button.setAttribute("aria-label", `Show the answer for ${name}`);
  button.addEventListener("click", () => {
    showAnswer(result);
    leadToAnswer();
  });
  const last = document.createElement("td");
  last.append(button);
  line.append(...cells.map((text) => item("td", text)), last);
  return line;
}
