/** Everything that is shown of one answer. */

import { display } from "./display.js";
import { item, part } from "./dom.js";
import { explanation } from "./explain.js";
import { allRows, azimuthWords, fixed, mistiltWords, percent, withError } from "./format.js";
import { viewOf } from "./pictures.js";
import { drawDistribution } from "./plot.js";
import { plain } from "./plain.js";
import { isRefused, rowName, shownStatus, statusName } from "./session/row.js";

let shown = null;

/** Whether the distribution is shown around its peak alone. */
const atPeak = () => part("peak").getAttribute("aria-pressed") === "true";

const UNCHECKED = "no simulation was compared with the pattern; whether it is of this crystal at all " +
  "was not looked at.";
const COMPARE = " Tick “Compare with the simulation” to have it looked at.";

/** The result on the page, with the file and the parameters that it came from. */
export const current = () => shown;

export function showAnswer(result) {
  shown = result;
  const { answer } = result;
  part("empty").hidden = true;
  part("shown").hidden = false;
  part("answer-title").textContent = `Answer for ${rowName(result)}`;
  showStatus(answer);
  showExplanation(answer);
  part("thickness").textContent = `${withError(answer.thickness_nm, answer.thickness_std_nm)} nm`;
  const [low, high] = answer.thickness_interval95_nm;
  part("interval").textContent = `95 %: ${fixed(low, 1)} to ${fixed(high, 1)} nm`;
  part("mistilt").textContent = mistiltWords(answer);
  part("azimuth").textContent = azimuthWords(answer);
  part("directions").textContent = answer.directions ?? "";
  part("residual").textContent = percent(answer.residual);
  part("warnings").replaceChildren(...answer.warnings.map((words) => item("li", plain(words))));
  part("all").tBodies[0].replaceChildren(...allRows(answer).map(([name, value]) => {
    const row = document.createElement("tr");
    const head = item("th", name);
    head.scope = "row";
    row.append(head, item("td", value));
    return row;
  }));
  showRanking(answer);
  part("pictures-words").textContent = "Drawing the patterns …";
  part("viewers").hidden = true;
  drawDistribution(part("distribution"), answer, atPeak());
}

/** Why the status is so, and what would help; nothing where all is well. */
function showExplanation(answer) {
  const said = explanation(answer);
  part("explanation").hidden = !said;
  for (const name of ["why", "help"]) {
    part(`explanation-${name}`).replaceChildren(...(said?.[name] ?? []).map((words) => item("li", words)));
  }
}

/** What may be done with the numbers: those that are refused do not look like results. */
function showStatus(answer) {
  const status = shownStatus(answer);
  part("status").dataset.status = status;
  part("status-name").textContent = statusName(status);
  part("status-words").textContent = status === "unchecked" ?
    UNCHECKED + (answer.provenance.method === "network" ? COMPARE : "") :
    (answer.status_words ?? "").replace(/^[^:]*: /, "");
  part("numbers").toggleAttribute("data-refused", isRefused(answer));
  part("refused").hidden = !isRefused(answer);
  // Once all were asked there is nothing more to ask.
  part("ask-all").hidden = answer.status !== "mismatch" || Boolean(answer.ranking);
}

/** Which systems explain the pattern, where all were asked. */
function showRanking({ ranking, unasked }) {
  part("ranking").hidden = !ranking;
  part("ranking-rows").replaceChildren(...(ranking ?? []).map((entry) => {
    const row = document.createElement("tr");
    const head = item("th", entry.system);
    head.scope = "row";
    row.append(
      head,
      item("td", statusName(entry.status)),
      item("td", withError(entry.thickness_nm, entry.thickness_std_nm)),
      item("td", percent(entry.residual)),
      item("td", percent(entry.structured_residual)),
    );
    return row;
  }));
  part("unasked").hidden = !unasked?.length;
  part("unasked").textContent = `Not asked: ${unasked?.join(", ")}; choose one of them.`;
}

/** Lead to the answer: its beginning is seen, and read out. */
export function leadToAnswer() {
  part("answer").focus({ preventScroll: true });
  part("answer").scrollIntoView({ block: "start" });
}

/**
 * Show the pictures of an answer, unless another is shown meanwhile.
 * @param {any} result
 * @param {{views: any, words: string}} pictures or why there are none
 * @param {any} [answer] the one that is drawn: the result's, or one of its alternatives
 */
export function showPictures(result, { views, words }, answer = result.answer) {
  if (shown !== result) return;
  part("pictures-words").textContent = words;
  part("viewers").hidden = !views;
  if (!views) return;
  part("simulated-caption").textContent = views.simulated === null ? "Not simulated" :
    `Simulated at ${fixed(answer.thickness_nm, 1)} nm, ${fixed(answer.mistilt_mrad, 1)} mrad`;
  display(viewOf(views, answer));
  const tilt = answer.tilt_x_mrad === null ? "direction of the tilt not known" :
    `zone axis ${fixed(answer.tilt_x_mrad, 1)} mrad to the right and ` +
    `${fixed(answer.tilt_y_mrad, 1)} mrad down of the disk's centre`;
  part("measured").setAttribute("aria-label", `Measured pattern; ${tilt}`);
  part("simulated").setAttribute("aria-label", "Pattern simulated at the answer");
  part("difference").setAttribute("aria-label", "Measured minus simulated pattern");
}

/** Draw the distribution again when its place or its colours change. */
export function connectDistribution() {
  const redraw = () => shown && drawDistribution(part("distribution"), shown.answer, atPeak());
  addEventListener("resize", redraw);
  addEventListener("pacbed-theme", redraw);
  part("peak").addEventListener("click", () => {
    part("peak").setAttribute("aria-pressed", String(!atPeak()));
    redraw();
  });
}
