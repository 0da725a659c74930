/** How far a long job is, as the page shows it: a bar, words that are read out, a count. */

import { part } from "./dom.js";

export function timeLeft(seconds) {
  if (seconds === null) return "";
  return seconds < 90 ? `, ${Math.ceil(seconds)} s left` : `, ${Math.ceil(seconds / 60)} min left`;
}

export class ProgressView {
  /** @param {string} prefix of the elements `PREFIX-progress`, `-bar`, `-words` and `-count` */
  constructor(prefix) {
    this.box = part(`${prefix}-progress`);
    this.bar = part(`${prefix}-bar`);
    this.words = part(`${prefix}-words`);
    this.count = part(`${prefix}-count`);
  }

  /** @param {number | null} share finished, or null as long as nobody knows it */
  show(share, words, count = "") {
    this.box.hidden = false;
    if (share === null) this.bar.removeAttribute("value");
    else this.bar.value = share;
    // The words are read out, once; the count beside them changes too often for that.
    if (this.words.textContent !== words) this.words.textContent = words;
    this.count.textContent = count;
  }

  sending(share) {
    this.show(share, "Sending …", `${Math.round(100 * share)} %`);
  }

  /** @param {HTMLElement} next gets the focus that was in here, such as on Cancel */
  hide(next) {
    const hadFocus = this.box.contains(document.activeElement);
    this.box.hidden = true;
    if (hadFocus) next.focus();
  }
}
