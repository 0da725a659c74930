/** The page: from a file to an answer. */

import { connectDisplay, item, leadToAnswer, showAnswer } from "./answer.js";
import { connectDownloads } from "./downloads.js";
import { remember } from "./history.js";
import { connectMaps } from "./maps.js";
import { connectOwnCrystal, isStructure, openOwnCrystal, takeStructure } from "./own-crystal.js";
import { PacbedClient, unpack } from "./pacbed-client.js";
import { colorTable } from "./colormaps.js";
import {
  angleFault, asksAll, chooseHighTension, chooseSystem, loadSystems, showRanges, systemParameter,
} from "./systems.js";
import { paint } from "./viewer.js";

const part = (id) => document.getElementById(id);
const client = new PacbedClient(".");
const state = { file: null, preview: null, running: null };

const ADVICE = {
  unreachable: "See whether it is running and the network is up, then try again.",
  busy: "Too many requests at once. Wait a moment and try again.",
  too_large: "Crop or bin the pattern, or export one frame of the stack.",
  timeout: "The service is busy. Wait a moment and try again.",
  internal: "Try another file; if it happens again, tell whoever runs the service.",
  bundle: "Choose another system, and tell whoever runs the service.",
};

function showError(words, code, field) {
  const box = part("error");
  box.replaceChildren(item("p", words));
  if (ADVICE[code]) box.append(item("p", ADVICE[code]));
  box.hidden = false;
  for (const input of document.querySelectorAll(".wrong")) {
    input.classList.remove("wrong");
    input.removeAttribute("aria-invalid");
  }
  if (field) {
    field.classList.add("wrong");
    field.setAttribute("aria-invalid", "true");
    field.focus();
  }
}

function clearError() {
  showError("", null);
  part("error").hidden = true;
}

async function guarded(work) {
  try {
    return await work();
  } catch (error) {
    if (error.code !== "cancelled") showError(error.message, error.code);
    if (!error.code) throw error;
    return null;
  }
}

/** Take up a system that was made of a structure, and choose it. */
async function takeUpSystem({ system }) {
  await loadSystems(client);
  chooseSystem(({ id }) => id === system);
}

async function loadExamples() {
  const examples = await client.examples();
  const box = part("examples");
  if (!examples.length) return;
  const buttons = examples.map((example) => {
    const button = item("button", example.title);
    button.type = "button";
    button.addEventListener("click", () => guarded(async () => {
      const file = await client.example(example.name);
      part("file").value = "";
      await choose(file);
      chooseSystem(({ name }) => name === example.system);
      part("convergence").value = example.convergence_mrad;
    }));
    return button;
  });
  box.replaceChildren(item("span", "Or try an example:"), ...buttons);
}

/** Take a file: show it, and fill in what it says about its recording. */
async function choose(file) {
  clearError();
  state.file = file;
  part("frame").value = "0";
  await look();
  if (!state.preview) return;
  const { metadata } = state.preview;
  part("convergence").value = metadata.convergence_mrad ?? part("convergence").value;
  part("scale").value = metadata.mrad_per_pixel?.toPrecision(4) ?? "";
  chooseHighTension(metadata.high_tension_kV);
}

async function look() {
  const frame = Number(part("frame").value) || 0;
  const preview = await guarded(() => client.preview(state.file, { typ: "auto", frame }));
  state.preview = preview ?? (frame > 0 ? state.preview : null);
  part("preview").hidden = !state.preview;
  if (!preview) return;
  const { picture_rows: rows, picture_columns: columns, minimum, maximum } = preview;
  const level = (value) => Math.sqrt(Math.max(0, (value - minimum) / (maximum - minimum)));
  const values = unpack(preview.picture, minimum, maximum);
  const canvas = part("preview-canvas");
  canvas.width = columns;
  canvas.height = rows;
  canvas.getContext("2d").drawImage(paint(values, rows, columns, colorTable("inferno"), level), 0, 0);
  const stated = [];
  const { high_tension_kV: kV, convergence_mrad: angle, camera_length_mm: length, extra } =
    preview.metadata;
  if (kV) stated.push(`${Math.round(kV)} kV`);
  if (angle) stated.push(`${angle} mrad convergence`);
  if (length) stated.push(`camera length ${length} mm`);
  stated.push(...Object.values(extra));
  const size = `${preview.name}: ${preview.rows} × ${preview.columns} pixels`;
  part("preview-words").textContent = stated.length ? `${size}. It says: ${stated.join(", ")}.` : `${size}.`;
  part("frame-row").hidden = preview.frames <= 1;
  part("frame").max = preview.frames - 1;
  part("frame-count").value = `(0 to ${preview.frames - 1})`;
}

function request() {
  const frame = state.preview?.frames > 1 ? Number(part("frame").value) || 0 : null;
  const parameters = {
    system: systemParameter(),
    file_params: frame === null ? { typ: "auto" } : { typ: "auto", frame },
    refine: part("refine").checked,
    validation: false,
    views: true,
  };
  if (part("convergence").value) parameters.convergence_angle = Number(part("convergence").value);
  if (part("scale").value) parameters.mrad_per_pixel = Number(part("scale").value);
  return { file: state.file, frame, parameters };
}

/** Whether everything is given; says what is missing, and where. */
function complete() {
  if (!state.file) {
    showError("No pattern was chosen: drop a file, choose one or try an example.", null, part("file"));
    return false;
  }
  if (systemParameter() === null) {
    showError("No system was chosen.", null, part("system"));
    return false;
  }
  const fault = angleFault();
  if (fault) {
    showError(fault, null, part("convergence"));
    return false;
  }
  const scale = part("scale");
  if (!scale.validity.valid || (scale.value && Number(scale.value) <= 0)) {
    showError("The angle per pixel must be a positive number, or left empty.", null, scale);
    return false;
  }
  return true;
}

function progress(share) {
  const bar = part("bar");
  if (share < 1) {
    bar.value = share;
    part("progress-words").textContent = `Sending, ${Math.round(100 * share)} %`;
  } else {
    bar.removeAttribute("value");
    part("progress-words").textContent = "Sent; looking for thickness and mistilt …";
  }
}

async function submit(event) {
  event.preventDefault();
  if (state.running || !complete()) return;
  clearError();
  const asked = request();
  state.running = new AbortController();
  part("submit").disabled = true;
  part("progress").hidden = false;
  progress(0);
  const { signal } = state.running;
  const answer = await guarded(
    () => client.infer(asked.file, asked.parameters, { signal, onUpload: progress }),
  );
  state.running = null;
  part("submit").disabled = false;
  part("progress").hidden = true;
  if (!answer) return;
  const result = { ...asked, original: asked.file, file: asked.file.name, answer };
  showAnswer(result);
  remember(result);
  leadToAnswer();
}

function connectTheme() {
  const root = document.documentElement;
  const button = part("theme");
  const label = () => { button.textContent = root.dataset.theme === "dark" ? "Light" : "Dark"; };
  button.addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("pacbed-theme", root.dataset.theme);
    } catch {
      // Then the choice lasts for this visit.
    }
    label();
    dispatchEvent(new Event("pacbed-theme"));
  });
  label();
}

function connectFiles() {
  part("file").addEventListener("change", (event) => {
    if (event.target.files.length) choose(event.target.files[0]);
  });
  part("frame").addEventListener("change", look);
  const drop = document.body;
  const over = (on) => part("drop").classList.toggle("over", on);
  drop.addEventListener("dragover", (event) => { event.preventDefault(); over(true); });
  drop.addEventListener("dragleave", () => over(false));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    over(false);
    const [file] = event.dataTransfer.files;
    if (!file) return;
    if (isStructure(file)) takeStructure(file);
    else choose(file);
  });
}

connectTheme();
connectFiles();
connectDisplay();
connectDownloads(client, guarded);
connectMaps(client, () => ({
  system: asksAll() ? null : systemParameter(),
  convergence_mrad: Number(part("convergence").value) || null,
  mrad_per_pixel: Number(part("scale").value) || null,
  refine: part("refine").checked,
}));
part("form").addEventListener("submit", submit);
part("cancel").addEventListener("click", () => state.running?.abort());
part("system").addEventListener("change", showRanges);
part("own-open").addEventListener("click", openOwnCrystal);
await guarded(async () => {
  await loadSystems(client);
  await loadExamples();
  await connectOwnCrystal(client, takeUpSystem);
});
document.documentElement.dataset.ready = "yes";
