/** The patterns that are chosen, with a look into the first of them. */

import { colorTable } from "./colormaps.js";
import { part } from "./dom.js";
import { guarded } from "./notice.js";
import { Masking } from "./masking.js";
import { unpack } from "./pacbed-client.js";
import { paint } from "./paint.js";
import { chooseHighTension } from "./systems.js";
import { Turning } from "./turning.js";

export class Chosen {
  /**
   * @param {import("./pacbed-client.js").PacbedClient} client
   * @param {() => boolean} calibrated whether a calibration says what files say too
   */
  constructor(client, calibrated) {
    this.client = client;
    this.calibrated = calibrated;
    /** @type {File[]} */
    this.files = [];
    this.preview = null;
    this.looks = 0;
    this.masking = new Masking(() => this.#paint());
    this.turning = new Turning({
      turned: (quarters) => {
        this.masking.turn(quarters);
        this.look();
      },
      mirrored: () => {
        this.masking.mirror();
        this.look();
      },
    });
    part("frame").addEventListener("change", () => this.look());
    part("every-frame").addEventListener("change", () => this.#name());
  }

  get many() {
    return this.files.length > 1;
  }

  /** Frame of a stack that is asked; null where the file has one pattern. */
  get frame() {
    return this.preview?.frames > 1 ? Number(part("frame").value) || 0 : null;
  }

  /** Frames to be asked, where all of a stack are; else null. */
  get everyFrame() {
    const { frames } = this.preview ?? { frames: 1 };
    return frames > 1 && part("every-frame").checked ? Array.from({ length: frames }, (_, i) => i) : null;
  }

  /** How the pattern is turned, for a request; none of it where it is not. @returns {any} */
  get fileParams() {
    const turned = this.turning.parameters;
    return Object.keys(turned).length ? { file_params: turned } : {};
  }

  /** The mask of the pattern, in the axes of its file. @returns {File | null} */
  get mask() {
    return this.masking.file(this.turning.parameters);
  }

  /** Take files: show the first, and fill in what it says about its recording. */
  async take(files) {
    await this.#show(files, 0);
    if (!this.preview) return;
    const { metadata } = this.preview;
    if (!this.calibrated()) {
      part("convergence").value = metadata.convergence_mrad ?? part("convergence").value;
      part("scale").value = metadata.mrad_per_pixel?.toPrecision(4) ?? "";
    }
    chooseHighTension(metadata.high_tension_kV);
  }

  /**
   * Show a pattern again as it was asked, with nothing of the conditions changed.
   * @param {File} file
   * @param {number | null} frame
   * @param {{file_params?: object}} parameters
   * @param {File | null} mask
   */
  restore(file, frame, parameters, mask) {
    this.turning.set(parameters.file_params);
    this.masking.take(mask);
    return this.#show([file], frame ?? 0);
  }

  async #show(files, frame) {
    this.files = files;
    this.preview = null;
    part("every-frame").checked = false;
    part("frame").value = String(frame);
    nameInControl(files);
    await this.look();
  }

  /** Look into the first file, at the frame that is chosen. */
  async look() {
    const [file] = this.files;
    this.looks += 1;
    const look = this.looks;
    if (!this.preview) part("preview").hidden = true;
    const frame = Number(part("frame").value) || 0;
    const preview = await guarded(() => this.client.preview(file, { typ: "auto", frame, ...this.turning.parameters }));
    // Another was chosen meanwhile: its picture is the one that counts.
    if (look !== this.looks) return;
    this.preview = preview ?? (frame > 0 ? this.preview : null);
    part("preview").hidden = !this.preview;
    if (preview) this.#draw(preview);
    this.#name();
  }

  #draw(preview) {
    const { picture_rows: rows, picture_columns: columns, minimum, maximum } = preview;
    const level = (value) => Math.sqrt(Math.max(0, (value - minimum) / (maximum - minimum)));
    const values = unpack(preview.picture, minimum, maximum);
    this.sheet = paint(values, rows, columns, colorTable("inferno"), level);
    this.masking.fit(preview.rows, preview.columns);
    this.#paint();
    part("preview-words").textContent = this.#words(preview);
    part("frame-row").hidden = preview.frames <= 1 || this.many;
    part("frame").max = preview.frames - 1;
    part("frame-count").value = `(0 to ${preview.frames - 1})`;
  }

  /** The picture with the mask over it. */
  #paint() {
    if (!this.sheet) return;
    const canvas = part("preview-canvas");
    canvas.width = this.sheet.width;
    canvas.height = this.sheet.height;
    const context = canvas.getContext("2d");
    context.drawImage(this.sheet, 0, 0);
    this.masking.overlay(context, canvas.width, canvas.height);
  }

  #words(preview) {
    const stated = [];
    const { high_tension_kV: kV, convergence_mrad: angle, camera_length_mm: length, extra } = preview.metadata;
    if (kV) stated.push(`${Math.round(kV)} kV`);
    if (angle) stated.push(`${angle} mrad convergence`);
    if (length) stated.push(`camera length ${length} mm`);
    stated.push(...Object.values(extra));
    const size = `${preview.name}: ${preview.rows} × ${preview.columns} pixels`;
    const first = stated.length ? `${size}. It says: ${stated.join(", ")}.` : `${size}.`;
    return this.many ? `The first of ${this.files.length} files. ${first} The conditions hold for all.` : first;
  }

  #name() {
    const frames = this.everyFrame;
    part("frame").disabled = Boolean(frames);
    part("submit").textContent = this.many ? `Work through ${this.files.length} files` :
      frames ? `Work through ${frames.length} frames` : "Find thickness and mistilt";
  }
}

/** The control names what was dropped, too. */
function nameInControl(files) {
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  part("file").files = transfer.files;
}
