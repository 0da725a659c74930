/** Calibrations of stages in this browser, by the name of microscope and camera length. */

const KEY = "pacbed-stages";

/**
 * A calibration: patterns at known angles, and the hand where it is known.
 * @typedef {{patterns: any[], mirrored: boolean | null}} Kept
 */

export class KeptStages {
  constructor() {
    /** @type {Record<string, Kept>} */
    this.all = {};
    this.current = "";
    /** How often anything of them has changed since the page was opened. */
    this.changes = 0;
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
      for (const [name, stage] of Object.entries(kept.all ?? {})) {
        if (Array.isArray(stage?.patterns)) this.all[name] = stage;
      }
      if (kept.current in this.all) this.current = kept.current;
    } catch {
      // What cannot be read is begun anew.
    }
    if (!(this.current in this.all)) this.begin("Stage");
    this.changes = 0;
  }

  /** @returns {Kept} the one that is in use */
  get stage() {
    return this.all[this.current];
  }

  /** Go to the calibration of a name; an empty one where there is none. */
  begin(name) {
    this.all[name] ??= { patterns: [], mirrored: null };
    this.current = name;
    this.save();
  }

  rename(name) {
    if (name in this.all) return;
    this.all[name] = this.stage;
    delete this.all[this.current];
    this.current = name;
    this.save();
  }

  delete() {
    delete this.all[this.current];
    this.begin(Object.keys(this.all)[0] ?? "Stage");
  }

  save() {
    this.changes += 1;
    try {
      localStorage.setItem(KEY, JSON.stringify({ current: this.current, all: this.all }));
    } catch {
      // Then it lasts as long as the page.
    }
  }
}
