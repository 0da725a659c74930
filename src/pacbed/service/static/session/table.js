/** The table of a session: it follows the rows, sorts, filters and opens them. */

import { item, part, pushButton } from "../dom.js";
import { plain } from "../plain.js";
import { COLUMNS, matches, sorted } from "./columns.js";
import { isRefused, rowName, rowStatus } from "./row.js";

/** Rows that come in quick succession are drawn together. */
const PAUSE_MS = 250;

export class SessionTable {
  /**
   * @param {{open: (row: any) => void, remove: (row: any) => void, changed: (row: any) => void,
   *   drawn: (rows: any[]) => void}} acts what the buttons of a row do; `changed` after a note was
   *   written, `drawn` with the rows as they are shown
   */
  constructor(acts) {
    this.acts = acts;
    this.rows = [];
    this.shown = [];
    this.lines = new Map();
    this.stale = new Set();
    this.sorting = { key: null, down: false };
    this.opened = null;
    this.#heads();
    part("session-filter").addEventListener("input", () => this.draw());
    part("session-status").addEventListener("change", () => this.draw());
  }

  /** Show other rows. */
  take(rows) {
    this.rows = rows;
    const kept = new Set(rows);
    for (const row of this.lines.keys()) if (!kept.has(row)) this.lines.delete(row);
    this.draw();
  }

  /** Something about some rows changed. */
  refresh(rows) {
    for (const row of rows) this.stale.add(row);
    this.timer ??= setTimeout(() => this.draw(), PAUSE_MS);
  }

  /** Mark the row whose answer is shown. */
  mark(row) {
    const before = this.opened;
    this.opened = row;
    this.refresh([before, row].filter(Boolean));
  }

  #heads() {
    for (const column of COLUMNS) {
      const head = item("th");
      head.scope = "col";
      head.append(pushButton(column.title, () => this.#sortBy(column.key)));
      head.dataset.key = column.key;
      part("session-heads").append(head);
    }
    for (const title of ["Note", "Remove"]) {
      const head = item("th", "", item("span", title));
      head.scope = "col";
      if (title === "Remove") head.firstChild.className = "unseen";
      part("session-heads").append(head);
    }
  }

  /** Upwards, downwards, and as the patterns came. */
  #sortBy(key) {
    const { key: before, down } = this.sorting;
    if (key !== before) this.sorting = { key, down: false };
    else this.sorting = down ? { key: null, down: false } : { key, down: true };
    this.draw();
  }

  draw() {
    clearTimeout(this.timer);
    this.timer = null;
    const { key, down } = this.sorting;
    for (const head of part("session-heads").children) {
      if (head.dataset.key === key) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    const status = part("session-status").value;
    const words = part("session-filter").value.trim();
    this.shown = sorted(this.rows, key, down).filter((row) => (
      (!status || rowStatus(row) === status) && (!words || matches(row, words))
    ));
    const lines = this.shown.map((row) => this.#line(row));
    this.#place(lines);
    part("session-count").textContent = this.shown.length === this.rows.length ? "" :
      `${this.shown.length} of ${this.rows.length} rows shown`;
    this.acts.drawn(this.shown);
  }

  /** Put lines in place; those that stand right stay, with the focus that may be in them. */
  #place(lines) {
    const body = part("session-rows");
    const wanted = new Set(lines);
    for (const line of [...body.children]) if (!wanted.has(line)) line.remove();
    lines.forEach((line, i) => {
      if (body.children[i] !== line) body.insertBefore(line, body.children[i] ?? null);
    });
  }

  #line(row) {
    let line = this.lines.get(row);
    if (!line) {
      line = item("tr", "", ...COLUMNS.map((column) => this.#cell(row, column)), this.#note(row), this.#remove(row));
      this.lines.set(row, line);
    } else if (this.stale.has(row)) {
      // The note stays: somebody may be writing it.
      COLUMNS.forEach((column, i) => line.children[i].replaceWith(this.#cell(row, column)));
    }
    this.stale.delete(row);
    line.dataset.state = row.state;
    line.dataset.status = rowStatus(row);
    if (row === this.opened) line.setAttribute("aria-current", "true");
    else line.removeAttribute("aria-current");
    return line;
  }

  #cell(row, column) {
    const text = column.text(row);
    if (column.refused && row.answer && isRefused(row.answer)) return item("td", "", item("s", text));
    if (column.key === "status") {
      const cell = item("td", "", item("span", text));
      if (row.problem) cell.append(item("small", plain(row.problem)));
      return cell;
    }
    if (column.key !== "file") return item("td", text);
    const head = item("th");
    head.scope = "row";
    if (row.state === "done") {
      const button = pushButton(text, () => this.acts.open(row));
      button.className = "plain";
      button.setAttribute("aria-label", `Open ${rowName(row)}`);
      head.append(button);
    } else {
      head.textContent = text;
    }
    return head;
  }

  #note(row) {
    const input = item("input");
    input.type = "text";
    input.value = row.note;
    input.maxLength = 500;
    input.setAttribute("aria-label", `Note on ${rowName(row)}`);
    input.addEventListener("change", () => {
      row.note = input.value;
      this.acts.changed(row);
    });
    return item("td", "", input);
  }

  #remove(row) {
    const button = pushButton("×", () => this.acts.remove(row));
    button.className = "small";
    button.setAttribute("aria-label", `Remove ${rowName(row)}`);
    return item("td", "", button);
  }
}
