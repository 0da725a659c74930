/** The page: from files to answers. */

import { connectDistribution, current, leadToAnswer, showAnswer, showPictures } from "./answer.js";
import { Chosen } from "./chosen.js";
import { Compare } from "./compare.js";
import { connectDisplay } from "./display.js";
import { item, part, pushButton } from "./dom.js";
import { connectDownloads } from "./downloads.js";
import { connectHelp } from "./help.js";
import { connectMaps, takeScan } from "./maps.js";
import { MicroscopeChoice } from "./microscope/choice.js";
import { clearError, guarded, showError } from "./notice.js";
import { connectOwnCrystal, isStructure, openOwnCrystal, takeStructure } from "./own-crystal.js";
import { PacbedClient } from "./pacbed-client.js";
import { picturesOf } from "./pictures.js";
import { showAlternatives } from "./solutions.js";
import { microscopeFile, requestFor } from "./requests.js";
import { chosenFiles, droppedFiles } from "./session/arrivals.js";
import { digest } from "./session/queue.js";
import { statedAngles } from "./session/row.js";
import { SessionView } from "./session/view.js";
import { connectWatch } from "./session/watched.js";
import { KeptStages } from "./stage/kept.js";
import { StagePanel } from "./stage/panel.js";
import {
  ANY, angleFault, asksAll, chooseSystem, loadSystems, showRanges, systemParameter,
} from "./systems.js";
import { connectTheme } from "./theme-button.js";

const client = new PacbedClient(".");
const microscope = new MicroscopeChoice();
const chosen = new Chosen(client, () => microscope.calibration !== null);
const stages = new KeptStages();
const session = new SessionView(client, stages, openRow, (words) => showError(words));
const stage = new StagePanel(client, stages, {
  calibrated: () => session.tilted(),
  angles: (angles) => session.noteAngles(angles),
});
const compare = new Compare(client, current, async (result) => {
  const kept = session.remember(result);
  await present(result);
  await kept;
});
let running = null;

/** Take up a system that was made of a structure, and choose it. */
async function takeUpSystem({ system }) {
  await loadSystems(client);
  chooseSystem(({ id }) => id === system);
}

async function loadExamples() {
  const examples = await client.examples();
  if (!examples.length) return;
  const buttons = examples.map((example) => pushButton(example.title, () => guarded(async () => {
    await choose([await client.example(example.name)]);
    chooseSystem(({ name }) => name === example.system);
    part("convergence").value = example.convergence_mrad;
  })));
  part("examples").replaceChildren(item("span", "Or try an example:"), ...buttons);
}

async function choose(files) {
  clearError();
  await chosen.take(files);
}

/** How the patterns are asked, as the form says it. */
function conditions() {
  const parameters = { system: systemParameter(), refine: part("refine").checked, ...chosen.fileParams };
  if (part("convergence").value) parameters.convergence_angle = Number(part("convergence").value);
  if (part("scale").value) parameters.mrad_per_pixel = Number(part("scale").value);
  if (microscope.calibration) parameters.microscope = microscope.calibration;
  return parameters;
}

/** What of the conditions is missing or wrong, and where; null where nothing is. */
function conditionsFault() {
  if (systemParameter() === null) return ["No system was chosen.", part("system")];
  const fault = angleFault(microscope.calibration !== null);
  if (fault) return [fault, part("convergence")];
  const scale = part("scale");
  if (!scale.validity.valid || (scale.value && Number(scale.value) <= 0)) {
    return ["The angle per pixel must be a positive number, or left empty.", scale];
  }
  return null;
}

/** Whether everything is given; says what is missing, and where. */
function complete() {
  const fault = chosen.files.length ? conditionsFault() :
    ["No pattern was chosen: drop a file, choose one or try an example.", part("file")];
  if (fault) showError(fault[0], null, fault[1]);
  return !fault;
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
  if (running || !complete()) return;
  clearError();
  const frames = chosen.everyFrame;
  if (!chosen.many && !frames) {
    await ask();
    return;
  }
  const { files } = chosen;
  part("session").scrollIntoView({ block: "start" });
  await session.add(files, conditions(), frames ?? undefined, chosen.mask);
}

/** Ask for the one pattern that is chosen, and show its answer. */
async function ask() {
  const [original] = chosen.files;
  const asked = { original, frame: chosen.frame, parameters: conditions(), mask: chosen.mask };
  running = new AbortController();
  part("submit").disabled = true;
  part("progress").hidden = false;
  progress(0);
  const request = requestFor(asked.parameters, asked.frame);
  const options = {
    signal: running.signal, onUpload: progress, mask: asked.mask, microscope: microscopeFile(asked.parameters),
  };
  const answer = await guarded(() => client.infer(original, request, options));
  const hadFocus = part("progress").contains(document.activeElement);
  running = null;
  part("submit").disabled = false;
  part("progress").hidden = true;
  if (!answer) {
    if (hadFocus) part("submit").focus();
    return;
  }
  const date = new Date().toISOString();
  const result = {
    ...asked, ...statedAngles(answer), answer, file: original.name, sha256: await digest(original), date,
  };
  // Kept before its pictures are drawn: nothing that came is lost.
  const kept = session.remember(result);
  await present(result);
  await kept;
}

/** Ask all systems for the pattern whose answer is shown. */
async function askAll() {
  const { original, frame, parameters, mask } = current();
  if (!original) {
    showError("The pattern's file is not kept here; drop it again.", null, part("file"));
    return;
  }
  // Its answer is shown, but another pattern may have been chosen since.
  if (original !== chosen.files[0]) await chosen.restore(original, frame, parameters, mask);
  part("system").value = ANY;
  part("refine").checked = true;
  showRanges();
  part("form").requestSubmit();
}

/** Show an answer at once, and its pictures when they are drawn. */
async function present(result) {
  showAnswer(result);
  compare.forget(result.answer);
  leadToAnswer();
  guarded(() => stage.show(result));
  const draw = async (answer) => showPictures(result, await picturesOf(client, { ...result, answer }), answer);
  showAlternatives(result, draw);
  await draw(result.answer);
}

/** Show the answer of a row again, with the conditions that it was asked under. */
async function openRow(row, original, mask) {
  clearError();
  const { parameters } = row;
  chooseSystem(({ id, name }) => id === parameters.system || name === parameters.system);
  if (String(parameters.system).toLowerCase() === ANY) part("system").value = ANY;
  part("convergence").value = parameters.convergence_angle ?? "";
  part("scale").value = parameters.mrad_per_pixel ?? "";
  part("refine").checked = parameters.refine ?? true;
  microscope.restore(parameters.microscope);
  showRanges();
  const { frame } = row;
  const shown = present({ ...row, original, mask });
  if (original) await chosen.restore(original, frame, parameters, mask);
  await shown;
}

function connectFiles() {
  part("file").addEventListener("change", (event) => {
    if (event.target.files.length) choose([...event.target.files]);
  });
  part("folder-open").addEventListener("click", () => part("folder").click());
  part("folder").addEventListener("change", (event) => takeAll(chosenFiles(event.target.files)));
  const drop = document.body;
  const over = (on) => part("drop").classList.toggle("over", on);
  drop.addEventListener("dragover", (event) => { event.preventDefault(); over(true); });
  drop.addEventListener("dragleave", () => over(false));
  drop.addEventListener("drop", async (event) => {
    event.preventDefault();
    over(false);
    // What is dropped on the field for scans is one.
    if (part("map-form").contains(event.target) && event.dataTransfer.files.length) takeScan(event.dataTransfer.files);
    else await takeAll(await droppedFiles(event.dataTransfer));
  });
}

/** Take what was dropped: a structure file, or patterns. */
async function takeAll(files) {
  const structures = files.filter(isStructure);
  if (structures.length) takeStructure(structures[0]);
  const endings = part("file").accept.split(",");
  const patterns = files.filter((file) => !isStructure(file));
  // Of a folder with other things in it the patterns are meant; what stands alone is tried.
  const known = patterns.filter(({ name }) => endings.some((ending) => name.toLowerCase().endsWith(ending)));
  const taken = known.length ? known : patterns;
  if (taken.length) await choose(taken);
  if (known.length && known.length < patterns.length) {
    const left = patterns.filter((file) => !known.includes(file)).map(({ name }) => name);
    showError(`Left out, of no known format: ${left.slice(0, 5).join(", ")}${left.length > 5 ? " …" : ""}`);
  }
}

connectTheme();
connectHelp(() => chosen.preview?.metadata.camera_length_mm ?? null);
connectFiles();
connectDisplay();
connectDistribution();
connectDownloads(client, guarded);
connectMaps(client, () => ({
  system: asksAll() ? null : systemParameter(),
  convergence_mrad: Number(part("convergence").value) || null,
  mrad_per_pixel: Number(part("scale").value) || null,
  refine: part("refine").checked,
}), () => microscopeFile({ microscope: microscope.calibration }));
part("form").addEventListener("submit", submit);
part("cancel").addEventListener("click", () => running?.abort());
part("system").addEventListener("change", showRanges);
part("ask-all").addEventListener("click", () => guarded(askAll));
part("own-open").addEventListener("click", openOwnCrystal);
await guarded(async () => {
  await loadSystems(client);
  await loadExamples();
  await connectOwnCrystal(client, takeUpSystem);
});
await session.begin();
await connectWatch(session, conditions, () => {
  const fault = conditionsFault();
  if (fault) showError(fault[0], null, fault[1]);
  return !fault;
});
document.documentElement.dataset.ready = "yes";
