/** One pattern against several crystals, side by side: each simulation and what it leaves. */

import { item, part, pushButton } from "./dom.js";
import { mistiltWords, percent, withError } from "./format.js";
import { picturesOf, viewOf } from "./pictures.js";
import { plain } from "./plain.js";
import { ranked, structuredResidual } from "./ranked.js";
import { microscopeFile, requestFor } from "./requests.js";
import { isRefused, shownStatus, statusName } from "./session/row.js";
import { stills } from "./stills.js";
import { comparable } from "./systems.js";

/** One is worked on by each of two cores. */
const AT_ONCE = 2;
const SIDE_PX = 300;

export class Compare {
  /**
   * @param {import("./pacbed-client.js").PacbedClient} client
   * @param {() => any} current the result that is shown
   * @param {(result: any) => void} take shows one of the compared answers as the answer
   */
  constructor(client, current, take) {
    this.client = client;
    this.current = current;
    this.take = take;
    /** @type {AbortController | null} */
    this.running = null;
    part("compare").addEventListener("toggle", () => part("compare").open && this.#list());
    part("compare-go").addEventListener("click", () => this.#run());
    part("compare-stop").addEventListener("click", () => this.running?.abort());
    part("compare-all").addEventListener("click", () => {
      this.#list();
      for (const box of this.#boxes()) box.checked = true;
      part("compare").open = true;
      part("compare").scrollIntoView({ block: "start" });
      this.#run();
    });
  }

  /** Another answer is shown: what was compared was another pattern. */
  forget({ status }) {
    this.running?.abort();
    part("compare-cards").replaceChildren();
    part("compare-words").textContent = "";
    part("compare-all").hidden = status !== "mismatch";
  }

  #boxes() {
    return [...part("compare-systems").querySelectorAll("input")];
  }

  /** Offer the systems that are there; what was ticked stays so. */
  #list() {
    const before = new Map(this.#boxes().map(({ value, checked }) => [value, checked]));
    part("compare-systems").replaceChildren(...comparable().map(({ id, name }) => {
      const box = item("input");
      box.type = "checkbox";
      box.value = String(id);
      box.checked = before.get(box.value) ?? true;
      const label = item("label", "", box, ` ${name}`);
      label.className = "check";
      return label;
    }));
  }

  async #run() {
    const result = this.current();
    const systems = comparable().filter(({ id }) => this.#boxes().some((box) => box.checked && box.value === String(id)));
    if (this.running) return;
    if (!result.original || !systems.length) {
      part("compare-words").textContent = result.original ? "Tick the systems that are to be compared." :
        "The pattern's file is not kept here; drop it again.";
      return;
    }
    this.running = new AbortController();
    const { signal } = this.running;
    this.#busy(true);
    const [found, faults] = [[], []];
    const show = () => signal.aborted || this.#show(result, found, faults, systems.length);
    show();
    const waiting = [...systems];
    const work = async () => {
      for (let next = waiting.shift(); next && !signal.aborted; next = waiting.shift()) {
        try {
          found.push(await this.#ask(result, next, signal));
        } catch (error) {
          if (!error.code) throw error;
          faults.push(`${next.name}: ${plain(error.message)}`);
        }
        show();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (signal.aborted && this.current() === result) part("compare-words").textContent = "Stopped.";
    this.running = null;
    this.#busy(false);
  }

  #busy(on) {
    const hadFocus = document.activeElement === part("compare-stop");
    part("compare-go").disabled = on;
    part("compare-stop").hidden = !on;
    if (hadFocus) part("compare-go").focus();
  }

  /** The answer of one system, with its pictures. */
  async #ask({ original, mask, frame, parameters, file, sha256 }, { id }, signal) {
    const asked = { ...parameters, system: id, refine: true };
    const options = { signal, mask, microscope: microscopeFile(asked) };
    const answer = await this.client.infer(original, requestFor(asked, frame), options);
    const result = {
      original, mask, frame, file, sha256, parameters: asked, answer, date: new Date().toISOString(),
    };
    return { ...result, pictures: await picturesOf(this.client, result) };
  }

  #show(result, found, faults, all) {
    const done = found.length + faults.length;
    part("compare-words").textContent = [
      done < all ? `Asked ${done} of ${all} systems …` : `${found.length} systems, the best first.`,
      ...faults,
    ].join(" ");
    const best = ranked(found);
    part("compare-cards").replaceChildren(
      ...best.slice(0, 1).map(measured), ...best.map((each, i) => this.#card(each, i + 1)),
    );
  }

  #card(result, place) {
    const { answer, pictures } = result;
    const card = item("article", "", item("h4", `${place}. ${answer.system}`));
    card.dataset.status = shownStatus(answer);
    const numbers = `${withError(answer.thickness_nm, answer.thickness_std_nm)} nm, ${mistiltWords(answer)}`;
    card.append(
      item("p", "", item("strong", statusName(shownStatus(answer))), ": ",
        isRefused(answer) ? item("s", numbers) : numbers),
      item("p", `Residual ${percent(answer.residual)}, structured ${percent(structuredResidual(answer))}`),
      ...(pictures.views ? pair(viewOf(pictures.views, answer)) : [item("p", pictures.words)]),
    );
    const button = pushButton("Take this answer", () => this.take(result));
    button.setAttribute("aria-label", `Take this answer, of ${answer.system}`);
    card.append(button);
    return card;
  }
}

/** The simulation and what it leaves beside each other. */
function pair(view) {
  const box = item("div", "", ...stills(view, ["simulated", "difference"], SIDE_PX));
  box.className = "pair";
  return [box];
}

/** The measured pattern, which all are compared with. */
function measured({ answer, pictures }) {
  if (!pictures.views) return item("article", "", item("h4", "The pattern"), item("p", pictures.words));
  return item("article", "", item("h4", "The pattern"), ...stills(viewOf(pictures.views, answer), ["measured"], SIDE_PX));
}
