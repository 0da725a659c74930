/** The calibration of the microscope under Conditions: which goes with every request and map. */

import { item, part } from "../dom.js";
import { clearError, showError } from "../notice.js";
import { KeptMicroscopes, readCalibration, wordsOf } from "./kept.js";

export class MicroscopeChoice {
  constructor() {
    this.kept = new KeptMicroscopes();
    part("microscope").addEventListener("change", (event) => {
      this.kept.use(event.target.value);
      this.#draw();
    });
    part("microscope-file").addEventListener("change", (event) => this.#take(event.target));
    part("microscope-forget").addEventListener("click", () => {
      this.kept.forget();
      this.#draw();
      part("microscope").focus();
    });
    this.#draw();
  }

  /** @returns {import("./kept.js").Calibration | null} the one in use */
  get calibration() {
    return this.kept.calibration;
  }

  /**
   * Use that of an answer again, or none.
   * @param {import("./kept.js").Calibration | undefined} calibration
   */
  restore(calibration) {
    if (calibration?.text) this.kept.take(calibration);
    else this.kept.use("");
    this.#draw();
  }

  async #take(input) {
    const [file] = input.files;
    if (!file) return;
    const calibration = await readCalibration(file);
    input.value = "";
    if (!calibration) {
      showError(`${file.name}: is no calibration of a microscope. Choose what "pacbed calibrate-microscope" wrote.`,
        null, part("microscope-file"));
      return;
    }
    clearError();
    this.kept.take(calibration);
    // What was filled in of a file would go before it.
    for (const id of ["convergence", "scale"]) part(id).value = "";
    this.#draw();
  }

  #draw() {
    const { all, current, calibration } = this.kept;
    part("microscope").replaceChildren(...["", ...all.map(({ name }) => name)].map((name) => {
      const option = item("option", name || "none");
      option.value = name;
      option.selected = name === current;
      return option;
    }));
    part("microscope-forget").hidden = !calibration;
    part("microscope-words").textContent = calibration ?
      `${wordsOf(calibration)}. It says what is empty above, and goes with every request and map.` : "";
    if (calibration) part("microscope-details").open = true;
  }
}
