/** Files that the page makes from its results. */

import { current } from "./answer.js";
import { part } from "./dom.js";
import { toJson } from "./format.js";
import { PacbedError } from "./pacbed-client.js";
import { microscopeFile, requestFor } from "./requests.js";
import { newRow } from "./session/row.js";
import { toCsv } from "./session/results.js";

/** Let the browser save what the page made. */
export function saveFile(content, type, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/**
 * Connect the buttons.
 * @param {import("./pacbed-client.js").PacbedClient} client
 * @param {(work: () => Promise) => Promise} guarded runs work and shows its error
 */
export function connectDownloads(client, guarded) {
  const stem = () => current().file.replace(/\.[^.]*$/, "");
  part("save-json").addEventListener("click", () => {
    saveFile(toJson(current()), "application/json", `${stem()}.json`);
  });
  part("save-csv").addEventListener("click", () => {
    saveFile(toCsv([newRow({ ...current(), session: 0, state: "done" })]), "text/csv", `${stem()}.csv`);
  });
  part("save-png").addEventListener("click", () => guarded(async () => {
    const button = part("save-png");
    button.disabled = true;
    try {
      const { original, mask, parameters, frame, file } = current();
      if (!original) throw new PacbedError(0, "file", `${file} is not kept here; drop it again to draw its report.`);
      const options = { mask, microscope: microscopeFile(parameters) };
      const { validation } = await client.infer(original, requestFor(parameters, frame, "report"), options);
      const bytes = Uint8Array.from(atob(validation), (character) => character.charCodeAt(0));
      saveFile(bytes, "image/png", `${stem()}.png`);
    } finally {
      button.disabled = false;
    }
  }));
}
