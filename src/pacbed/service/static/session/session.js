/** The session of this page: its rows, what works through them, and where they are kept. */

import { MOST_FRAMES, Queue } from "./queue.js";
import { newRow, statedAngles, withoutPictures } from "./row.js";
import { SessionStore } from "./store.js";

const CURRENT = "pacbed-session";

const recall = () => {
  try {
    return Number(localStorage.getItem(CURRENT)) || null;
  } catch {
    return null;
  }
};

const keep = (id) => {
  try {
    localStorage.setItem(CURRENT, String(id));
  } catch {
    // Then the newest session is opened next time.
  }
};

/**
 * Hold a session for this window.
 * @returns {Promise<(() => void) | null>} lets it go again; null where another window has it
 */
function held(id) {
  if (!navigator.locks) return Promise.resolve(() => {});
  return new Promise((resolve) => {
    // A page that is reloaded may still be letting go.
    const options = { signal: AbortSignal.timeout(1500) };
    navigator.locks.request(`pacbed-session-${id}`, options, () => {
      return new Promise((letGo) => resolve(() => letGo(undefined)));
    }).catch(() => resolve(null));
  });
}

const today = () => new Date().toISOString().slice(0, 16).replace("T", " ");

export class Session {
  /**
   * @param {import("../pacbed-client.js").PacbedClient} client
   * @param {{changed: (rows: any[]) => void, ended: (trouble: string) => void}} tell
   */
  constructor(client, tell) {
    this.tell = tell;
    /** @type {import("./row.js").Row[]} */
    this.rows = [];
    /** @type {{id: number, name: string, created: string, note?: string}} `note` is on the sample */
    this.kept = { id: 0, name: "", created: "" };
    /** Files whose rows could not be kept, by row. */
    this.loose = new Map();
    this.queue = new Queue(client, {
      next: () => this.rows.find(({ state }) => state === "waiting") ?? null,
      file: (row) => this.file(row),
      mask: (row) => this.mask(row),
      show: (rows) => tell.changed(rows),
      save: (rows) => this.save(rows),
      add: (rows, behind) => this.#insert(rows, behind),
    }, tell.ended);
  }

  /** Open what was open last, or begin; rows that were being worked on wait again. */
  async open() {
    this.store = await SessionStore.open();
    const all = await this.store.sessions();
    const last = all.find(({ id }) => id === recall()) ?? all[0];
    const letGo = last ? await held(last.id) : null;
    if (letGo) await this.#take(last, letGo);
    else await this.begin();
  }

  /** Begin an empty session. */
  async begin(name = `Session of ${today()}`) {
    const session = { name, created: new Date().toISOString() };
    const id = await this.store.putSession(session);
    await this.#take({ ...session, id }, await held(id));
  }

  /** Go to another session. @returns {Promise<boolean>} false where another tab has it */
  async change(id) {
    if (id === this.kept.id) return true;
    const wanted = (await this.store.sessions()).find((session) => session.id === id);
    const letGo = wanted ? await held(id) : null;
    if (letGo) await this.#take(wanted, letGo);
    return Boolean(letGo);
  }

  async #take(session, letGo) {
    this.queue.stop();
    this.letGo?.();
    this.letGo = letGo;
    this.kept = session;
    keep(session.id);
    const rows = (await this.store.rows(session.id)).sort((a, b) => a.place - b.place);
    for (const row of rows) if (row.state === "working") row.state = "waiting";
    this.rows = rows;
  }

  /** Change what is said of the session. @param {{name?: string, note?: string}} words */
  async describe(words) {
    this.kept = { ...this.kept, ...words };
    await this.store.putSession(this.kept);
  }

  async delete() {
    this.queue.stop();
    await this.store.deleteSession(this.kept.id);
    await this.begin();
  }

  /**
   * Add patterns that wait for their answers.
   * @param {File[]} files
   * @param {object} parameters how they are asked
   * @param {(number | null)[]} frames of each file; null where nobody has looked
   * @param {File | null} mask of all of them
   */
  async add(files, parameters, frames = [null], mask = null) {
    const rows = [];
    const masked = mask && await this.#keepFile(mask);
    for (const file of files) {
      const blob = await this.#keepFile(file);
      const known = { session: this.kept.id, file: file.name, blob, mask: masked, parameters };
      const own = frames.map((frame) => newRow({ ...known, frame }));
      if (blob === null) for (const row of own) this.loose.set(row, file);
      rows.push(...own);
    }
    await this.#insert(rows);
  }

  /** Keep an answer that came already. @returns {Promise<import("./row.js").Row>} its row */
  async remember({ original, mask, frame, parameters, answer, sha256, date }) {
    const blob = await this.#keepFile(original);
    const masked = mask && await this.#keepFile(mask);
    const row = newRow({
      session: this.kept.id, file: original.name, frame, blob, mask: masked, sha256, parameters, state: "done",
      answer: withoutPictures(answer), date, ...statedAngles(answer),
    });
    if (blob === null) this.loose.set(row, original);
    await this.#insert([row]);
    return row;
  }

  /** Where a file is kept; null where the browser has no room for it. */
  async #keepFile(file) {
    try {
      return await this.store.putBlob(this.kept.id, file);
    } catch (error) {
      if (error?.name !== "QuotaExceededError") throw error;
      this.tell.ended("The browser has no room for more files: answers are kept, these files are not.");
      return null;
    }
  }

  /** Add rows at the end, or the other frames of a stack behind its first one. */
  async #insert(rows, behind = null) {
    const last = this.rows.length ? this.rows[this.rows.length - 1].place : 0;
    rows.forEach((row, i) => {
      row.place = behind ? behind.place + (i + 1) / (2 * MOST_FRAMES) : last + 1 + i;
    });
    await this.store.putRows(rows);
    if (rows.some(({ session }) => session !== this.kept.id)) return;
    const at = behind ? this.rows.indexOf(behind) + 1 : this.rows.length;
    this.rows.splice(at, 0, ...rows);
    this.tell.changed(rows);
  }

  /** @param {import("./row.js").Row[]} rows */
  async save(rows) {
    this.tell.changed(rows);
    // One that was removed meanwhile stays so.
    await this.store.putRows(rows.filter((row) => this.rows.includes(row) || row.session !== this.kept.id));
  }

  /** @returns {Promise<File | null>} */
  async file(row) {
    return this.loose.get(row) ?? this.store.blob(row.blob);
  }

  /** The mask of a row. @returns {Promise<File | null>} */
  mask(row) {
    return this.store.blob(row.mask ?? null);
  }

  async remove(row) {
    this.rows = this.rows.filter((each) => each !== row);
    this.loose.delete(row);
    await this.store.deleteRow(row.id);
    await this.store.sweepBlobs(this.kept.id);
  }

  /** Ask those again that got no answer. */
  async retry() {
    const failed = this.rows.filter(({ state }) => state === "failed");
    for (const row of failed) Object.assign(row, { state: "waiting", problem: "" });
    await this.save(failed);
  }

  /** Add rows of a file. @param {import("./row.js").Row[]} rows */
  async take(rows) {
    for (const row of rows) if (row.state === "waiting" && row.blob === null) {
      Object.assign(row, { state: "failed", problem: "Its file is not kept here; drop it again." });
    }
    await this.#insert(rows);
  }
}

/** How many rows are in each state. */
export function counts(rows) {
  const count = (state) => rows.filter((row) => row.state === state).length;
  return { done: count("done"), failed: count("failed"), waiting: count("waiting") + count("working") };
}
