/** Works through the rows that wait, a few at once, and goes on after a reload. */

import { microscopeFile, requestFor } from "../requests.js";
import { newRow, statedAngles, withoutPictures } from "./row.js";

/** Two are worked on by two cores while the third is on its way. */
const AT_ONCE = 3;
/** A file of more frames is a scan, for which there are maps. */
export const MOST_FRAMES = 512;

/** What another try in a moment may help. */
const PASSING = new Set(["busy", "timeout", "unreachable"]);

export class Queue {
  /**
   * @param {import("../pacbed-client.js").PacbedClient} client
   * @param {{next: () => import("./row.js").Row | null, file: (row: any) => Promise<File | null>,
   *   mask: (row: any) => Promise<File | null>,
   *   show: (rows: any[]) => void, save: (rows: any[]) => Promise<void>, add: (rows: any[], behind: any) => Promise<void>}} rows
   * @param {(trouble: string) => void} ended called when nothing runs any more; with words where
   *   it ended before all was done
   */
  constructor(client, rows, ended) {
    this.client = client;
    this.rows = rows;
    this.ended = ended;
    this.stopping = null;
    this.trouble = "";
  }

  get running() {
    return this.stopping !== null;
  }

  /** Begin, unless it runs already; after a stop, when that came to its end. */
  async run() {
    while (this.stopping?.signal.aborted) await this.ending;
    if (this.running) return;
    this.stopping = new AbortController();
    this.ending = this.#run();
    await this.ending;
    this.ended(this.trouble);
  }

  async #run() {
    const { signal } = this.stopping;
    this.trouble = "";
    const active = new Set();
    for (;;) {
      while (active.size < AT_ONCE && !signal.aborted) {
        const row = this.rows.next();
        if (!row) break;
        // What is at work is not next any more, even before that is written.
        row.state = "working";
        const work = this.#work(row, signal).finally(() => active.delete(work));
        active.add(work);
      }
      if (!active.size) break;
      await Promise.race(active);
    }
    this.stopping = null;
  }

  /** Stop; what is on its way waits again. */
  stop() {
    this.stopping?.abort();
  }

  async #work(row, signal) {
    // Only shown: after a reload it waits again anyway.
    this.rows.show([row]);
    try {
      await this.#ask(row, signal);
    } catch (error) {
      if (!error.code) throw error;
      this.#failed(row, error);
    }
    await this.rows.save([row]);
  }

  async #ask(row, signal) {
    const file = await this.rows.file(row);
    if (!file) {
      row.state = "failed";
      row.problem = "Its file is not kept here; drop it again.";
      return;
    }
    row.sha256 ||= await digest(file);
    const mask = await this.rows.mask(row);
    const microscope = microscopeFile(row.parameters);
    const answer = await this.client.infer(file, requestFor(row.parameters, row.frame ?? 0), { signal, mask, microscope });
    Object.assign(row, statedAngles(answer), { answer: withoutPictures(answer), state: "done" });
    row.problem = "";
    row.date = new Date().toISOString();
    if (row.frame === null && answer.frames > 1) await this.#openStack(row, answer.frames);
  }

  /** The other frames of a file that turned out to be a stack. */
  async #openStack(row, frames) {
    row.frame = 0;
    if (frames > MOST_FRAMES) {
      row.note ||= `the first of ${frames} frames; see the maps for scans`;
      return;
    }
    const { session, file, blob, mask, sha256, parameters } = row;
    const others = Array.from({ length: frames - 1 }, (_, i) => newRow({
      session, file, blob, mask, sha256, parameters, frame: i + 1,
    }));
    await this.rows.add(others, row);
  }

  #failed(row, error) {
    if (error.code === "cancelled") {
      row.state = "waiting";
    } else if (PASSING.has(error.code)) {
      row.state = "waiting";
      this.trouble = error.message;
      this.stop();
    } else {
      row.state = "failed";
      row.problem = error.message;
      row.date = new Date().toISOString();
    }
  }
}

/** SHA-256 of a file, hexadecimal; empty where the browser computes none (not on https or localhost). */
export async function digest(file) {
  if (!crypto.subtle) return "";
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
