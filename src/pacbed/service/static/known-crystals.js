/** The crystals that need no file: chosen, their CIF comes from the service. */

import { item, part } from "./dom.js";

/** @type {Map<string, any>} */
const known = new Map();
/** Zone axis that a choice put into its field, which the next choice may replace. */
let proposed = "";

/** Say that the structure is a file again. */
export function forgetKnown() {
  part("known").value = "";
  part("known-axes").replaceChildren();
  part("known-hint").textContent = "";
}

function proposeAxis(axes) {
  part("known-axes").replaceChildren(...axes.map(({ axis, known_as: words }) => {
    const option = item("option", words || axis);
    option.value = axis;
    return option;
  }));
  const field = part("axis");
  if (!field.value.trim() || field.value === proposed) field.value = proposed = axes[0].axis;
}

/** Put the CIF of the chosen crystal into the field for files. */
async function take(client, onTaken, onError) {
  const name = part("known").value;
  const chosen = known.get(name);
  const files = new DataTransfer();
  if (!chosen) {
    part("cif").files = files.files;
    forgetKnown();
    return onTaken();
  }
  try {
    files.items.add(await client.knownCrystal(name));
  } catch (error) {
    forgetKnown();
    return onError(error);
  }
  // Another may have been chosen while this one came.
  if (part("known").value !== name) return undefined;
  part("cif").files = files.files;
  proposeAxis(chosen.zone_axes);
  part("known-hint").textContent = chosen.b_estimated ?
    "Its Debye–Waller factors are estimates: replace them where you know better." : "";
  return onTaken();
}

/**
 * Fill the list, and connect it.
 * @param {import("./pacbed-client.js").PacbedClient} client
 * @param {() => void} onTaken another structure, or none, is in the field for files
 * @param {(error: any) => void} onError
 */
export async function connectKnownCrystals(client, onTaken, onError) {
  part("known").addEventListener("change", () => take(client, onTaken, onError));
  part("cif").addEventListener("change", forgetKnown);
  for (const crystal of await client.knownCrystals()) {
    known.set(crystal.name, crystal);
    const option = item("option", `${crystal.name} – ${crystal.title}`);
    option.value = crystal.name;
    part("known").append(option);
  }
}
