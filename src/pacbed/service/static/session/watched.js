/** Patterns that arrive in the folder that the service watches go into the session. */

import { part } from "../dom.js";
import { counts } from "./session.js";

const LOOK_MS = 2000;
/** As many may wait for their answers before more are taken. */
const MOST_WAITING = 20;
const KEY = "pacbed-watched";
/** So many are remembered as taken. */
const MOST_TAKEN = 5000;

/** Which files a session has taken already, over reloads of the page. */
class Taken {
  /** @param {number} session */
  constructor(session) {
    this.session = session;
    /** @type {string[]} */
    this.keys = [];
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
      if (kept.session === session && Array.isArray(kept.keys)) this.keys = kept.keys;
    } catch {
      // What cannot be read is begun anew.
    }
  }

  add(key) {
    this.keys = [...this.keys, key].slice(-MOST_TAKEN);
    try {
      localStorage.setItem(KEY, JSON.stringify({ session: this.session, keys: this.keys }));
    } catch {
      // Then a reload takes them again.
    }
  }
}

const keyOf = ({ name, key }) => `${key} ${name}`;

/** @returns {Promise<any>} what the service says of its folder; null where it says nothing */
async function look() {
  try {
    const response = await fetch("watched/");
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

/** @returns {Promise<File | null>} */
async function fetched({ name, key }) {
  try {
    const response = await fetch(`watched/${encodeURIComponent(name)}?key=${encodeURIComponent(key)}`);
    return response.ok ? new File([await response.blob()], name) : null;
  } catch {
    return null;
  }
}

/**
 * Show the button where the service watches a folder.
 * @param {import("./view.js").SessionView} view
 * @param {() => object} conditions how patterns are asked
 * @param {() => boolean} complete whether the conditions are; says what is missing
 */
export async function connectWatch(view, conditions, complete) {
  const said = await look();
  if (!said?.on || view.off) return;
  const button = part("session-watch");
  button.textContent = `Watch the folder ${said.folder}`;
  button.hidden = false;
  let timer = null;

  const takeNew = async () => {
    const { session } = view;
    const taken = new Taken(session.kept.id);
    const { files } = (await look()) ?? { files: [] };
    for (const file of files) {
      const room = counts(session.rows).waiting < MOST_WAITING;
      if (timer === null || !room || session.kept.id !== taken.session) break;
      if (taken.keys.includes(keyOf(file))) continue;
      const content = await fetched(file);
      if (!content) continue;
      taken.add(keyOf(file));
      await view.add([content], conditions());
    }
  };
  const again = async () => {
    await takeNew();
    if (timer !== null) timer = setTimeout(again, LOOK_MS);
  };
  button.addEventListener("click", () => {
    if (timer === null && !complete()) return;
    clearTimeout(timer);
    timer = timer === null ? setTimeout(again, 0) : null;
    button.setAttribute("aria-pressed", String(timer !== null));
  });
}
