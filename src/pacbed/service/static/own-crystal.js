/** The part of the page that makes a system of a structure file. */

import { part } from "./dom.js";
import { showFieldError, showFieldErrors } from "./fields.js";
import { connectKnownCrystals } from "./known-crystals.js";
import { KeptJob } from "./kept-job.js";
import { plain } from "./plain.js";
import { ProgressView, timeLeft } from "./progress.js";
import { hideUnderstood, showUnderstood, statedFactors } from "./understood.js";
import { connectAxes, offerAxes } from "./zone-axes.js";

/** Arrow keys pass by many axes; the one that is stayed at for so long is read. */
const STAY_MS = 300;
const state = { running: null, reading: null, staying: 0, limits: null };
const kept = new KeptJob("system");
const view = new ProgressView("own");
const STAGES = { waiting: "Waiting for the crystals before this one …", simulating: "Simulating …" };

/** Inputs by the names that the service has for them. */
const inputs = () => ({
  file: part("cif"),
  zone_axis: part("axis"),
  high_tension_kV: part("tension"),
  convergence_mrad: part("own-convergence"),
  thickness_max_nm: part("own-thickness"),
  mistilt_max_mrad: part("own-mistilt"),
  name: part("own-name"),
  b: part("factors"),
});

const checked = () => Object.values(inputs()).filter((input) => part(`${input.id}-error`));

function showError(words) {
  part("own-error").textContent = words;
  part("own-error").hidden = !words;
}

/** What an error of the service says to people at the page. */
function explained(error) {
  const file = part("cif").files[0]?.name;
  let words = error.message;
  for (const start of [`${error.field}: `, `${file}: `]) {
    if (words.startsWith(start)) words = words.slice(start.length);
  }
  words = plain(words);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Show an error of the service where it belongs, and lead there unless the focus shall stay. */
function showRefusal(error, stay = false) {
  if (!error.code) throw error;
  if (error.code === "cancelled") return;
  const input = inputs()[error.field];
  const words = explained(error);
  if (!input || !part(`${input.id}-error`)) showError(words);
  else if (stay) showFieldError(input, words);
  else showFieldErrors(checked(), new Map([[input, words]]));
}

/** What is missing or impossible before the service is asked, by field. */
function faults() {
  const { file, zone_axis: axis, high_tension_kV: tension, ...others } = inputs();
  const found = new Map();
  const [chosen] = file.files;
  if (!chosen) found.set(file, "Choose a known crystal, or the CIF of yours.");
  else if (chosen.size > state.limits.most_bytes) {
    found.set(file, `A structure file may have ${state.limits.most_bytes / 1e6} MB at most.`);
  }
  if (!axis.value.trim()) found.set(axis, "Give the direction along the beam, such as 1 1 0.");
  if (!(Number(tension.value) > 0)) found.set(tension, "Give the high tension in kV, such as 200.");
  for (const input of [others.thickness_max_nm, others.mistilt_max_mrad]) {
    if (!input.validity.valid) found.set(input, "Give a positive number, or leave it empty.");
  }
  return found;
}

/** What is asked, without what is left empty. */
function fields() {
  const { file, b, ...others } = inputs();
  const given = Object.entries(others).map(([name, input]) => [name, input.value.trim()]);
  return Object.fromEntries(given.filter(([, value]) => value));
}

/** Show what the structure is understood as; `again` is of an axis that was chosen in the picture. */
async function read(client, again = false) {
  if (state.running) return;
  state.reading?.abort();
  showError("");
  part("own-done").textContent = "";
  const found = faults();
  if (!again) showFieldErrors(checked(), found);
  if (found.size) return;
  const { name, ...asked } = fields();
  const reading = state.reading = new AbortController();
  part("own-read").disabled = true;
  part("own-read").textContent = "Reading …";
  part("understood").setAttribute("aria-busy", "true");
  try {
    const answer = await client.understandStructure(part("cif").files[0], asked, { signal: reading.signal });
    showUnderstood(answer, again);
  } catch (error) {
    if (error.code !== "cancelled") hideUnderstood();
    showRefusal(error, again);
  } finally {
    if (state.reading === reading) {
      part("own-read").disabled = false;
      part("own-read").textContent = "Read the structure";
      part("understood").removeAttribute("aria-busy");
    }
  }
}

/** Read the structure along the axis that was chosen in the picture, where all else is given. */
function readAlong(client) {
  clearTimeout(state.staying);
  state.staying = setTimeout(() => read(client, true), STAY_MS);
}

/** Another structure, or none, is in the field for files. */
function structureChanged(client) {
  state.reading?.abort();
  hideUnderstood();
  offerAxes(client, explained);
}

/** What was understood no longer holds; factors and the name do not change it. */
function fieldChanged({ target }) {
  if (part("understood").contains(target) || target === part("own-name")) return;
  // What is chosen in the picture is read again, and what it replaces stays until then.
  if (part("axes").contains(target) && faults().size === 0) return;
  state.reading?.abort();
  hideUnderstood();
}

function progress({ stage, share, seconds_left: left }) {
  if (stage === "simulating") view.show(share, STAGES[stage], `${Math.round(100 * share)} %${timeLeft(left)}`);
  else view.show(null, STAGES[stage]);
}

/** Show how far a job is until it ends, and hand its system on. */
async function follow(work, onMade) {
  state.running = new AbortController();
  part("own-make").disabled = true;
  part("own-read").disabled = true;
  view.show(null, STAGES.waiting);
  try {
    const job = await work({ signal: state.running.signal, onProgress: progress });
    kept.forget();
    hideUnderstood();
    await onMade(job);
    part("own-done").textContent = `${job.name} is ready, and chosen as the system.`;
  } catch (error) {
    // A service that comes back still knows it.
    if (error.code !== "unreachable") kept.forget();
    showRefusal(error);
  } finally {
    state.running = null;
    part("own-make").disabled = false;
    part("own-read").disabled = false;
    view.hide(part("understood").hidden ? part("own-read") : part("own-make"));
  }
}

function make(client, onMade) {
  if (state.running) return;
  showError("");
  showFieldErrors(checked(), new Map());
  const b = statedFactors();
  const asked = b ? { ...fields(), b } : fields();
  follow((options) => client.addSystem(part("cif").files[0], asked, {
    ...options,
    onUpload: (share) => view.sending(share),
    onStart: (job) => kept.keep(job.id),
  }), onMade);
}

/** Go on waiting for what was being made before a reload. */
async function goOn(client, onMade) {
  const id = kept.recall();
  if (!id) return;
  part("own-details").open = true;
  part("own-progress").hidden = false;
  part("own-progress").scrollIntoView({ block: "nearest" });
  await follow(async (options) => {
    await client.systemJob(id);
    return client.watchSystem(id, options);
  }, onMade);
}

async function offer(client) {
  state.limits = await client.ownSystems();
  part("own-form").hidden = !state.limits.on;
  part("own-off").hidden = state.limits.on;
  part("own-off").textContent = state.limits.detail ?? "";
}

/** Take a structure file that was dropped on the page. */
export function takeStructure(file) {
  const transfer = new DataTransfer();
  transfer.items.add(file);
  part("cif").files = transfer.files;
  part("cif").dispatchEvent(new Event("change"));
  openOwnCrystal();
}

/** Unfold the part, and lead to its first field. */
export function openOwnCrystal() {
  part("own-details").open = true;
  (part("own-form").hidden ? part("own-off") : part("cif")).focus();
}

export const isStructure = (file) => /\.m?cif$/i.test(file.name);

/**
 * Connect the form.
 * @param {import("./pacbed-client.js").PacbedClient} client
 * @param {(job: object) => Promise<void>} onMade takes up a system that is ready
 */
export async function connectOwnCrystal(client, onMade) {
  const form = part("own-form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    read(client);
  });
  part("own-make").addEventListener("click", () => make(client, onMade));
  part("own-cancel").addEventListener("click", () => state.running?.abort());
  form.addEventListener("input", fieldChanged);
  part("cif").addEventListener("change", () => structureChanged(client));
  connectAxes(() => readAlong(client));
  await offer(client);
  if (state.limits.on) connectKnownCrystals(client, () => structureChanged(client), showRefusal);
  goOn(client, onMade);
}
