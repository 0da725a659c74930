/** Where to tilt, for every answer of a session, as the calibration of the stage that is in use says. */

import { hasTilt, tiltOf } from "../stage/tilt.js";

/** Answers that come in quick succession are asked for together. */
const PAUSE_MS = 400;
/** As many at once as the service takes. */
const MOST = 100;

/**
 * How to tilt: by how many degrees, with errors and what may be left, and the calibration that says so.
 * @typedef {{alpha_deg: number, beta_deg: number, alpha_std_deg: number, beta_std_deg: number, left_mrad: number,
 *   decided: boolean, calibration: string}} Tilt
 */

/**
 * What is kept of the service's guidance.
 * @param {any} guidance
 * @param {string} calibration its name
 * @returns {Tilt}
 */
export function keptTilt({ words, ...numbers }, calibration) {
  return { ...numbers, calibration };
}

export class Tilting {
  /**
   * @param {import("../pacbed-client.js").PacbedClient} client
   * @param {import("../stage/kept.js").KeptStages} stages
   * @param {(rows: import("./row.js").Row[]) => Promise<void>} save
   */
  constructor(client, stages, save) {
    this.client = client;
    this.stages = stages;
    this.save = save;
    this.waiting = new Set();
    /** By which calibration, and at which angle, rows were told. */
    this.told = new WeakMap();
  }

  /** See that rows are told; what they were told already stays. @param {import("./row.js").Row[]} rows */
  want(rows) {
    for (const row of rows) {
      if (row.state === "done" && this.told.get(row) !== this.#key(row)) this.waiting.add(row);
    }
    if (this.waiting.size) this.timer ??= setTimeout(() => this.#tell(), PAUSE_MS);
  }

  #key(row) {
    return `${this.stages.changes} ${row.alpha_deg}`;
  }

  async #tell() {
    const rows = [...this.waiting].slice(0, MOST);
    for (const row of rows) {
      this.waiting.delete(row);
      this.told.set(row, this.#key(row));
    }
    try {
      await this.#ask(rows);
    } catch (error) {
      // The panel says what is wrong with the calibration; a service that is away says so elsewhere.
      if (!error.code) throw error;
    } finally {
      this.timer = null;
      this.want([...this.waiting]);
    }
  }

  async #ask(rows) {
    const { current, stage: { patterns, mirrored }, changes } = this.stages;
    const told = new Map();
    if (patterns.length >= 2) {
      const asked = rows.filter(({ answer }) => hasTilt(answer));
      const seen = asked.map(({ answer, alpha_deg }) => ({ ...tiltOf(answer), alpha_deg: alpha_deg ?? null }));
      const { guidance } = await this.client.stage({ patterns, mirrored, seen, name: current });
      asked.forEach((row, i) => told.set(row, keptTilt(guidance[i], current)));
    } else if (!changes) {
      // There never was a calibration here: what a file brought along stays.
      return;
    }
    const changed = rows.filter((row) => (row.guidance ?? null) !== null || told.has(row));
    for (const row of changed) row.guidance = told.get(row) ?? null;
    if (changed.length) await this.save(changed);
  }
}
