/** Calibrations of microscopes in this browser: files that `pacbed calibrate-microscope` wrote. */

const KEY = "pacbed-microscopes";
/** A calibration is two kilobytes; the service takes no larger one than this. */
const MOST_BYTES = 2 ** 18;
/** So many are kept, the newest. */
const MOST = 20;

/**
 * @typedef {{name: string, text: string}} Calibration a file, as it was chosen
 */

/** A number that such a file says; null where it does not. */
function said(text, key) {
  const found = text.match(new RegExp(`^${key} *= *(\\S+)`, "m"));
  return found && Number.isFinite(Number(found[1])) ? Number(found[1]) : null;
}

/**
 * What a calibration says, in a few words.
 * @param {Calibration} calibration
 * @returns {string | null} null where it is no calibration
 */
export function wordsOf({ text }) {
  const [kV, angle, scale] = ["high_tension_kV", "convergence_mrad", "mrad_per_pixel"].map((key) => said(text, key));
  if (kV === null || angle === null || scale === null || !text.includes("[microscope]")) return null;
  const date = text.match(/^date *= *"([0-9-]{10})/m);
  return `${kV} kV, ${angle} mrad convergence, ${scale} mrad per pixel${date ? `, of ${date[1]}` : ""}`;
}

export class KeptMicroscopes {
  constructor() {
    /** @type {Calibration[]} */
    this.all = [];
    /** The name of the one in use; empty where none is. */
    this.current = "";
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
      this.all = (Array.isArray(kept.all) ? kept.all : []).filter((each) => (
        typeof each?.name === "string" && typeof each?.text === "string"
      ));
      if (this.all.some(({ name }) => name === kept.current)) this.current = kept.current;
    } catch {
      // What cannot be read is begun anew.
    }
  }

  /** @returns {Calibration | null} the one in use */
  get calibration() {
    return this.all.find(({ name }) => name === this.current) ?? null;
  }

  /** Use one of them, or none. @param {string} name */
  use(name) {
    this.current = this.all.some((each) => each.name === name) ? name : "";
    this.#save();
  }

  /**
   * Keep a calibration and use it; an earlier one of its name with other content stays, under another.
   * @param {Calibration} calibration
   */
  take({ name, text }) {
    if (!this.all.some((each) => each.name === name && each.text === text)) {
      const before = this.all.find((each) => each.name === name);
      if (before) before.name = this.#freeName(name);
      this.all = [{ name, text }, ...this.all].slice(0, MOST);
    }
    this.use(name);
  }

  #freeName(name) {
    for (let number = 2; ; number += 1) {
      const free = `${name} (${number})`;
      if (!this.all.some((each) => each.name === free)) return free;
    }
  }

  /** Forget the one in use. */
  forget() {
    this.all = this.all.filter(({ name }) => name !== this.current);
    this.use("");
  }

  #save() {
    try {
      localStorage.setItem(KEY, JSON.stringify({ current: this.current, all: this.all }));
    } catch {
      // Then it lasts as long as the page.
    }
  }
}

/**
 * Read a file that was chosen.
 * @param {File} file
 * @returns {Promise<Calibration | null>} null where it is no calibration
 */
export async function readCalibration(file) {
  if (file.size > MOST_BYTES) return null;
  const read = { name: file.name, text: await file.text() };
  return wordsOf(read) ? read : null;
}
