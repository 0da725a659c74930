/** What goes wrong, said beside the button that began it, where it is in view. */

import { item, part } from "./dom.js";
import { plain } from "./plain.js";

const ADVICE = {
  unreachable: "See whether it is running and the network is up, then try again.",
  busy: "Too many requests at once. Wait a moment and try again.",
  too_large: "Crop or bin the pattern, or export one frame of the stack.",
  timeout: "The service is busy. Wait a moment and try again.",
  internal: "Try another file; if it happens again, tell whoever runs the service.",
  bundle: "Choose another system, and tell whoever runs the service.",
};

/**
 * @param {string} words
 * @param {string | null} [code] of the service's error
 * @param {HTMLElement | null} [field] that is wrong
 */
export function showError(words, code = null, field = null) {
  const box = part("error");
  box.replaceChildren(item("p", plain(words)));
  if (ADVICE[code]) box.append(item("p", ADVICE[code]));
  box.hidden = false;
  unmark();
  if (!field) return;
  field.classList.add("wrong");
  field.setAttribute("aria-invalid", "true");
  field.focus();
}

function unmark() {
  for (const input of document.querySelectorAll("#form .wrong")) {
    input.classList.remove("wrong");
    input.removeAttribute("aria-invalid");
  }
}

export function clearError() {
  unmark();
  part("error").hidden = true;
}

/**
 * Do some work, and say what went wrong with it.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T | null>} null where it failed
 */
export async function guarded(work) {
  try {
    return await work();
  } catch (error) {
    if (error.code !== "cancelled") showError(error.message, error.code);
    if (!error.code) throw error;
    return null;
  }
}
