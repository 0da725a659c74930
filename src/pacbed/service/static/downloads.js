/** Files that the page makes from its results. */

import { current } from "./answer.js";
import { toCsv, toJson } from "./format.js";
import { results } from "./history.js";

const part = (id) => document.getElementById(id);

function save(content, type, name) {
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
    save(toJson(current()), "application/json", `${stem()}.json`);
  });
  part("save-csv").addEventListener("click", () => {
    save(toCsv([current()]), "text/csv", `${stem()}.csv`);
  });
  part("save-history").addEventListener("click", () => {
    save(toCsv(results), "text/csv", "pacbed-results.csv");
  });
  part("save-png").addEventListener("click", () => guarded(async () => {
    const button = part("save-png");
    button.disabled = true;
    try {
      const { original, parameters } = current();
      const asked = { ...parameters, validation: "report", views: false };
      const { validation } = await client.infer(original, asked);
      const bytes = Uint8Array.from(atob(validation), (character) => character.charCodeAt(0));
      save(bytes, "image/png", `${stem()}.png`);
    } finally {
      button.disabled = false;
    }
  }));
}
