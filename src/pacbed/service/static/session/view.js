/** The part of the page that shows the session and has its buttons. */

import { part, item } from "../dom.js";
import { saveFile } from "../downloads.js";
import { clearError } from "../notice.js";
import { timeLeft } from "../progress.js";
import { rowsFrom, toCsv, toJson } from "./results.js";
import { drawSeries } from "./series.js";
import { Session, counts } from "./session.js";
import { SessionTable } from "./table.js";
import { Tilting } from "./tilting.js";

/** What the bar reports, beginning when the queue does. */
let started = null;

const stem = (name) => name.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|-+$/g, "") || "session";

export class SessionView {
  /**
   * @param {import("../pacbed-client.js").PacbedClient} client
   * @param {import("../stage/kept.js").KeptStages} stages
   * @param {(row: any, file: File | null, mask: File | null) => Promise<void>} open shows a row's answer
   * @param {(words: string) => void} complain
   */
  constructor(client, stages, open, complain) {
    this.complain = complain;
    /** Whether this browser keeps nothing. */
    this.off = false;
    this.session = new Session(client, {
      changed: (rows) => this.#changed(rows),
      ended: (trouble) => this.#ended(trouble),
    });
    this.tilting = new Tilting(client, stages, (rows) => this.session.save(rows));
    const openRow = async (row) => {
      this.table.mark(row);
      await open(row, await this.session.file(row), await this.session.mask(row));
    };
    this.table = new SessionTable({
      open: openRow,
      remove: (row) => this.#remove(row),
      changed: (row) => this.session.save([row]),
      drawn: (rows) => drawSeries(rows, openRow),
    });
    this.#connect();
  }

  /** Open the session that was open last, and go on with what waits. */
  async begin() {
    try {
      await this.session.open();
    } catch (error) {
      this.off = true;
      part("session-off").hidden = false;
      part("session-off").textContent =
        `This browser keeps no session (${error.message}): results are not collected here.`;
      for (const id of ["session-head", "session-sample"]) part(id).hidden = true;
      part("session-empty").hidden = true;
      part("session-import").disabled = true;
      return;
    }
    await this.#showAll();
    if (counts(this.session.rows).waiting) this.run();
  }

  /** Work through what waits. */
  run() {
    if (this.session.queue.running) return;
    clearError();
    started = { at: performance.now(), done: this.#settled() };
    this.#progress();
    this.session.queue.run();
  }

  /** Add patterns and begin. */
  async add(files, parameters, frames, mask) {
    if (this.off) {
      this.complain("This browser keeps no session: ask for one pattern at a time.");
      return;
    }
    await this.session.add(files, parameters, frames, mask);
    this.run();
    this.#progress();
  }

  /** Keep an answer that came already, and mark it as the one that is shown. */
  async remember(result) {
    if (this.off) return;
    const row = await this.session.remember(result);
    this.table.mark(row);
  }

  #settled() {
    const { done, failed } = counts(this.session.rows);
    return done + failed;
  }

  #changed(rows) {
    part("session-content").hidden = !this.session.rows.length;
    part("session-empty").hidden = this.session.rows.length > 0;
    if (this.table.rows !== this.session.rows) this.table.take(this.session.rows);
    this.table.refresh(rows);
    this.tilting.want(rows);
    this.#progress();
  }

  /** Another calibration of the stage is in use, or the same has changed. */
  tilted() {
    this.tilting.want(this.session.rows);
  }

  /** Angles of the stage were typed for the answer that is shown. */
  async noteAngles(angles) {
    const row = this.table.opened;
    if (row) await this.session.save([Object.assign(row, angles)]);
  }

  #ended(trouble) {
    // Who reads that it is done finds all of it in the table.
    this.table.draw();
    this.#progress();
    if (trouble) this.complain(trouble);
  }

  #progress() {
    const { done, failed, waiting } = counts(this.session.rows);
    const { running } = this.session.queue;
    const all = done + failed + waiting;
    part("session-progress").hidden = !running && !waiting;
    part("session-bar").value = all ? (done + failed) / all : 0;
    part("session-stop").hidden = !running;
    part("session-go").hidden = running || !waiting;
    part("session-retry").hidden = running || !failed;
    let words = `${done + failed} of ${all} patterns`;
    const since = running ? (performance.now() - started.at) / 1000 : 0;
    const fresh = running ? done + failed - started.done : 0;
    if (fresh > 2) words += timeLeft((since / fresh) * waiting);
    part("session-pace").textContent = words;
    // Read out when it changes: begins, is stopped, is done.
    const state = running ? "Working through the patterns …" : waiting ? "Stopped; the rest waits." :
      all ? `${done} answered${failed ? `, ${failed} without an answer` : ""}.` : "";
    if (part("session-words").textContent !== state) part("session-words").textContent = state;
  }

  async #showAll() {
    this.#changed([]);
    this.tilted();
    part("session-name").value = this.session.kept.name;
    part("session-note").value = this.session.kept.note ?? "";
    part("session-report").href = `static/report.html?session=${this.session.kept.id}`;
    await this.#list();
  }

  /** Only the list: somebody may be writing in the other fields. */
  async #list() {
    const all = await this.session.store.sessions();
    part("session-list").replaceChildren(...all.map(({ id, name, created }) => {
      const option = item("option", `${name} (${created.slice(0, 10)})`);
      option.value = String(id);
      option.selected = id === this.session.kept.id;
      return option;
    }));
  }

  async #remove(row) {
    const place = this.table.shown.indexOf(row);
    await this.session.remove(row);
    this.#changed([]);
    this.table.take(this.session.rows);
    // The focus stays in the table: on the next row, or on what is left.
    const next = part("session-rows").children[Math.min(place, this.table.shown.length - 1)];
    (next?.querySelector("button.small") ?? part("session-name")).focus();
  }

  async #import(file) {
    let content = null;
    try {
      content = rowsFrom(await file.text(), this.session.kept.id);
    } catch (error) {
      this.complain(`${file.name}: ${error.message}`);
      return;
    }
    const name = content.name ?? file.name.replace(/\.[^.]*$/, "");
    if (this.session.rows.length) await this.session.begin(name);
    else await this.session.describe({ name });
    if (content.note) await this.session.describe({ note: content.note });
    for (const row of content.rows) row.session = this.session.kept.id;
    await this.session.take(content.rows);
    await this.#showAll();
  }

  #connect() {
    const { session } = this;
    const saved = (text, type, ending) => saveFile(text, type, `${stem(session.kept.name)}.${ending}`);
    const act = (id, work) => part(id).addEventListener("click", work);
    act("session-csv", () => saved(toCsv(session.rows), "text/csv", "csv"));
    act("session-json", () => saved(toJson(session.kept, session.rows), "application/json", "json"));
    act("session-stop", () => {
      session.queue.stop();
      part("session-name").focus({ preventScroll: true });
    });
    act("session-go", () => this.run());
    act("session-retry", async () => {
      await session.retry();
      this.run();
    });
    act("session-new", async () => {
      await session.begin();
      await this.#showAll();
      part("session-name").select();
    });
    act("session-delete", async () => {
      const { rows, kept } = session;
      if (rows.length && !confirm(`Delete "${kept.name}" with its ${rows.length} rows?`)) return;
      await session.delete();
      await this.#showAll();
      part("session-name").focus();
    });
    part("session-name").addEventListener("change", async () => {
      await session.describe({ name: part("session-name").value.trim() || "Session" });
      await this.#list();
    });
    part("session-note").addEventListener("change", () => session.describe({ note: part("session-note").value.trim() }));
    part("session-list").addEventListener("change", async (event) => {
      if (!(await session.change(Number(event.target.value)))) {
        this.complain("That session is open in another window of this browser.");
      }
      await this.#showAll();
      if (counts(session.rows).waiting) this.run();
    });
    part("session-import").addEventListener("change", async (event) => {
      const [file] = event.target.files;
      if (file) await this.#import(file);
      event.target.value = "";
    });
  }
}
