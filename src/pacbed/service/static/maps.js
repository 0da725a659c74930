/** The part of the page that makes thickness maps of a scan. */

import { part } from "./dom.js";
import { KeptJob } from "./kept-job.js";
import { MapView } from "./map-view.js";
import { plain } from "./plain.js";
import { readCsv } from "./session/csv.js";
import { ProgressView, timeLeft } from "./progress.js";

/** @type {{running: AbortController | null, job: any, look: MapView | null}} */
const state = { running: null, job: null, look: null };
const kept = new KeptJob("map");
const view = new ProgressView("map");

const STAGES = {
  waiting: "Waiting for the maps before this one …",
  reading: "Reading the scan …",
  preparing: "Finding scale, rotation and centre …",
  inferring: "Looking for thickness and mistilt …",
  writing: "Drawing the maps …",
};

function showError(words, field) {
  part("map-error").textContent = plain(words);
  part("map-error").hidden = !words;
  for (const input of part("map-form").elements) input.removeAttribute("aria-invalid");
  if (field) {
    field.setAttribute("aria-invalid", "true");
    field.focus();
  }
}

function progress({ stage, windows, windows_done: done, seconds_left: left }) {
  if (stage === "inferring" && windows) {
    view.show(done / windows, STAGES[stage], `${done} of ${windows} windows${timeLeft(left)}`);
  } else {
    view.show(null, STAGES[stage]);
  }
}

/** Whole numbers of a pair of fields; null where both are empty, undefined where one is wrong. */
function windowOf() {
  const fields = [part("window-rows"), part("window-columns")];
  if (fields.every((field) => field.value === "" && field.validity.valid)) return null;
  const wrong = fields.find((field) => field.value === "" || !field.validity.valid);
  if (!wrong) return fields.map((field) => Number(field.value));
  showError("Give rows and columns of a window as whole numbers, or neither.", wrong);
  return undefined;
}

/** What is asked for; null where something is missing, which is then said. */
function request(conditions) {
  const [file] = part("scan").files;
  if (!file) {
    showError("No scan was chosen.", part("scan"));
    return null;
  }
  if (conditions.system === null) {
    showError("Maps are of one system; choose it under Conditions.", part("system"));
    return null;
  }
  const window = windowOf();
  if (window === undefined) return null;
  const step = part("scan-step");
  if (!step.validity.valid || (step.value && Number(step.value) <= 0)) {
    showError("The scan step must be a positive number, or left empty.", step);
    return null;
  }
  const parameters = { ...conditions, window, scan_step_nm: Number(step.value) || null };
  return { file, parameters };
}

function show(client, job) {
  state.job = job;
  state.look.open(job.id).catch((error) => {
    if (!error.code) throw error;
    showError(error.message);
  });
  const address = (kind) => client.mapAddress(job.id, kind);
  part("map-picture").src = address("picture");
  describe(job, address("table"));
  part("map-file").href = address("file");
  part("map-table").href = address("table");
  part("map-png").href = address("picture");
  const minutes = Math.round(job.kept_seconds / 60);
  part("map-summary").textContent =
    `${job.name}: ${job.windows} windows. The server deletes the maps after ${minutes} minutes.`;
  part("map-shown").hidden = false;
}

/** Say in words what the picture shows. */
async function describe({ name, windows }, table) {
  const picture = part("map-picture");
  picture.alt = `Maps of ${name}: thickness, mistilt, residual and status.`;
  const response = await fetch(table);
  if (!response.ok) return;
  const rows = readCsv(await response.text());
  const span = (column, decimals) => {
    const values = rows.map((row) => row[column]).filter(Boolean).map(Number).filter(Number.isFinite);
    if (!values.length) return "unknown";
    return `${Math.min(...values).toFixed(decimals)} to ${Math.max(...values).toFixed(decimals)}`;
  };
  const ok = rows.filter(({ status }) => status === "ok").length;
  picture.alt = `Maps of ${name}: thickness ${span("thickness_nm", 1)} nm, mistilt ` +
    `${span("mistilt_mrad", 1)} mrad; ${ok} of ${windows} windows are ok.`;
}

async function submit(event, client, conditions, microscope) {
  event.preventDefault();
  if (state.running) return;
  showError("");
  const asked = request(conditions());
  if (!asked) return;
  await follow(client, async (signal) => {
    view.sending(0);
    const onUpload = (share) => view.sending(share);
    const job = await client.makeMap(asked.file, asked.parameters, { signal, onUpload, microscope });
    kept.keep(job.id);
    return job.id;
  });
  if (!part("map-shown").hidden) part("map-shown").focus();
}

/** Wait for the map whose id some work gives, and show it. */
async function follow(client, begin) {
  state.running = new AbortController();
  part("map-shown").hidden = true;
  part("map-submit").disabled = true;
  const { signal } = state.running;
  try {
    const id = await begin(signal);
    signal.addEventListener("abort", () => client.deleteMap(id).catch(() => {}));
    if (signal.aborted) client.deleteMap(id).catch(() => {});
    show(client, await client.watchMap(id, progress));
  } catch (error) {
    if (!error.code) throw error;
    if (signal.aborted || error.code !== "unreachable") kept.forget();
    // What is deleted before its events are asked for has none.
    if (!signal.aborted && error.code !== "cancelled") showError(error.message);
  } finally {
    state.running = null;
    part("map-submit").disabled = false;
    view.hide(part("map-submit"));
  }
}

/** Find the map of this tab again after a reload, made or on its way. */
async function goOn(client) {
  const id = kept.recall();
  if (!id) return;
  await follow(client, async () => {
    view.show(null, STAGES.waiting);
    await client.mapJob(id); // refuses where the service no longer knows it
    return id;
  });
}

/**
 * Connect the form.
 * @param {import("./pacbed-client.js").PacbedClient} client
 * @param {() => object} conditions system, angles and refinement that the page has
 * @param {() => File | null} microscope its calibration
 */
export function connectMaps(client, conditions, microscope) {
  state.look = new MapView(client);
  part("map-form").addEventListener("submit", (event) => submit(event, client, conditions, microscope()));
  part("map-cancel").addEventListener("click", () => state.running?.abort());
  part("map-delete").addEventListener("click", async () => {
    part("map-shown").hidden = true;
    part("map-picture").removeAttribute("src");
    kept.forget();
    await client.deleteMap(state.job.id).catch((error) => showError(error.message));
    part("scan").focus();
  });
  goOn(client);
}

/** Take a scan that was dropped on the field for it. @param {FileList} files */
export function takeScan(files) {
  part("scan").files = files;
  part("map-submit").focus();
}
