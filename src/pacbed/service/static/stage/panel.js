/** The stage on the page: patterns at known angles, and where to tilt beneath every answer. */

import { item, part, pushButton } from "../dom.js";
import { saveFile } from "../downloads.js";
import { fixed } from "../format.js";
import { plain } from "../plain.js";
import { rowName } from "../session/row.js";
import { keptTilt } from "../session/tilting.js";
import { drawGuidance } from "./drawing.js";
import { hasTilt, tiltOf } from "./tilt.js";

/** Most patterns of a calibration that are kept. */
const MOST = 200;
const FEW = "Two patterns at known angles are needed, best with α and β tilted alike between them.";
const HANDS = { "": null, no: false, yes: true };

/** An angle that was typed; null where there is none that a stage can have. */
function angle(id) {
  const { value } = part(id);
  return value !== "" && Math.abs(Number(value)) < 90 ? Number(value) : null;
}

export class StagePanel {
  /**
   * @param {import("../pacbed-client.js").PacbedClient} client
   * @param {import("./kept.js").KeptStages} kept
   * @param {{calibrated: () => void, angles: (angles: {alpha_deg: number | null, beta_deg: number | null}) => void}} tell
   *   `calibrated` when the calibration changed, `angles` when those of the answer that is shown did
   */
  constructor(client, kept, tell) {
    this.client = client;
    this.kept = kept;
    this.tell = tell;
    /** The result that is shown. @type {any} */
    this.result = null;
    this.found = null;
    this.#connect();
    this.#draw();
  }

  /** Another answer is shown: say where to tilt. */
  async show(result) {
    this.result = result;
    // The file may have said them, or the user before.
    for (const name of ["alpha", "beta"]) part(`stage-${name}`).value = result[`${name}_deg`] ?? "";
    part("stage-add").disabled = !hasTilt(result.answer);
    await this.#ask();
  }

  async #ask() {
    const { patterns, mirrored } = this.kept.stage;
    const { result } = this;
    const asked = (this.asked ?? 0) + 1;
    this.asked = asked;
    let said = null;
    let words = patterns.length < 2 ? FEW : "";
    if (patterns.length >= 2) {
      const seen = result && hasTilt(result.answer) ?
        [{ ...tiltOf(result.answer), alpha_deg: angle("stage-alpha") }] : [];
      try {
        said = await this.client.stage({ patterns, mirrored, seen, name: this.kept.current });
      } catch (error) {
        if (!error.code) throw error;
        words = plain(error.message);
      }
    }
    // Another answer may have been opened meanwhile.
    if (asked !== this.asked) return;
    this.found = said;
    this.#say(said, words);
  }

  #say(said, words) {
    const [guidance] = said?.guidance ?? [];
    if (this.result) this.result.guidance = guidance ? keptTilt(guidance, this.kept.current) : null;
    part("stage-save").disabled = !said;
    part("stage-words").textContent = said ? [this.#axes(said), ...said.warnings].join(" ") : words;
    part("guidance").hidden = !guidance;
    part("guidance-words").textContent = guidance ? `Stage: ${guidance.words}.` : "";
    part("guidance-drawing").replaceChildren(
      ...(guidance?.decided ? [drawGuidance(this.result.answer, said, guidance)] : []),
    );
  }

  #axes({ decided, axes, open }) {
    if (!decided) return `${open[0].toUpperCase()}${open.slice(1)}.`;
    return axes.map((axis, i) => (
      `+${"αβ"[i]} moves the zone axis towards ${fixed(axis.direction_deg, 0)} ± ` +
      `${fixed(axis.direction_std_deg, 1)}°, by ${fixed(axis.mrad_per_degree, 1)} mrad per degree.`
    )).join(" ");
  }

  /** Take the answer that is shown into the calibration. */
  async #add() {
    const [alpha, beta] = [angle("stage-alpha"), angle("stage-beta")];
    const missing = alpha === null ? "stage-alpha" : beta === null ? "stage-beta" : null;
    part("stage-fault").textContent = missing ?
      "Type both angles of the stage, in degrees between −90 and 90." : "";
    for (const id of ["stage-alpha", "stage-beta"]) part(id).setAttribute("aria-invalid", String(id === missing));
    if (missing) {
      part(missing).focus();
      return;
    }
    const { patterns } = this.kept.stage;
    patterns.push({
      ...tiltOf(this.result.answer), alpha_deg: alpha, beta_deg: beta, file: rowName(this.result).slice(0, 300),
      grain: part("stage-grain").value.trim(),
    });
    if (patterns.length > MOST) patterns.shift();
    await this.#changed();
  }

  async #changed() {
    this.kept.save();
    this.#draw();
    this.tell.calibrated();
    await this.#ask();
  }

  /** Other angles were typed for the answer that is shown. */
  async #angles() {
    const angles = { alpha_deg: angle("stage-alpha"), beta_deg: angle("stage-beta") };
    if (this.result) {
      Object.assign(this.result, angles);
      this.tell.angles(angles);
    }
    await this.#ask();
  }

  #draw() {
    const { all, current, stage } = this.kept;
    part("stage-list").replaceChildren(...Object.keys(all).map((name) => {
      const option = item("option", name);
      option.selected = name === current;
      return option;
    }));
    part("stage-name").value = current;
    part("stage-hand").value = stage.mirrored === null ? "" : stage.mirrored ? "yes" : "no";
    part("stage-table").hidden = !stage.patterns.length;
    part("stage-rows").replaceChildren(...stage.patterns.map((pattern, i) => this.#line(pattern, i)));
  }

  #line(pattern, number) {
    const head = item("th", pattern.file);
    head.scope = "row";
    const button = pushButton("×", async () => {
      this.kept.stage.patterns.splice(number, 1);
      await this.#changed();
      part("stage-name").focus();
    });
    button.className = "small";
    button.setAttribute("aria-label", `Remove ${pattern.file}`);
    const cells = [pattern.alpha_deg, pattern.beta_deg, pattern.tilt_x_mrad, pattern.tilt_y_mrad];
    return item("tr", "", head, ...cells.map((value) => item("td", fixed(value, 2))),
      item("td", pattern.grain), item("td", "", button));
  }

  #connect() {
    const on = (id, event, act) => part(id).addEventListener(event, act);
    on("stage-form", "submit", (event) => {
      event.preventDefault();
      this.#add();
    });
    for (const id of ["stage-alpha", "stage-beta"]) on(id, "change", () => this.#angles());
    on("stage-list", "change", (event) => {
      this.kept.begin(event.target.value);
      this.#changed();
    });
    on("stage-name", "change", (event) => {
      const name = event.target.value.trim();
      if (name) this.kept.rename(name);
      this.#changed();
    });
    on("stage-hand", "change", (event) => {
      this.kept.stage.mirrored = HANDS[event.target.value];
      this.#changed();
    });
    on("stage-save", "click", () => saveFile(this.found.file, "application/toml", "stage.toml"));
    on("stage-new", "click", () => {
      let number = 1;
      while (`Stage ${number}` in this.kept.all) number += 1;
      this.kept.begin(`Stage ${number}`);
      this.#changed();
      part("stage-name").select();
    });
    on("stage-delete", "click", () => {
      const { patterns } = this.kept.stage;
      if (patterns.length && !confirm(`Delete "${this.kept.current}" with its ${patterns.length} patterns?`)) return;
      this.kept.delete();
      this.#changed();
    });
  }
}
