/** Painting a mask over the chosen pattern, cutting a part out of it, or taking a mask from a file. */

import { part } from "./dom.js";
import { PixelMask } from "./pixel-mask.js";

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export class Masking {
  /** @param {() => void} draw draws the pattern again, with `overlay` on it */
  constructor(draw) {
    this.draw = draw;
    /** @type {PixelMask | null} */
    this.painted = null;
    /** @type {File | null} */
    this.loaded = null;
    this.at = null;
    this.corner = null;
    this.#connect();
  }

  /** A pattern of such a size is shown; what was painted on another size is of no use. */
  fit(rows, columns) {
    const { painted } = this;
    if (this.size?.[0] !== rows || this.size?.[1] !== columns) this.at = [rows >> 1, columns >> 1];
    if (painted && (painted.rows !== rows || painted.columns !== columns)) this.painted = null;
    this.size = [rows, columns];
    this.#tell();
  }

  /** What is painted goes along with a pattern that is turned. */
  turn(quarters) {
    this.painted = this.painted?.turned(quarters) ?? null;
  }

  mirror() {
    this.painted = this.painted?.mirrored() ?? null;
  }

  /**
   * The mask in the axes of the recorded pattern; null where there is none.
   * @param {{turn_deg?: number, mirrored?: boolean}} turned how the shown pattern is turned
   * @returns {File | null}
   */
  file({ turn_deg: angle = 0, mirrored = false }) {
    if (this.loaded || !this.painted?.count) return this.loaded;
    const back = this.painted.turned(-angle / 90);
    return (mirrored ? back.mirrored() : back).file();
  }

  /** Take a mask from a file, or none. @param {File | null} file */
  take(file) {
    this.loaded = file;
    this.painted = null;
    part("mask-file").value = "";
    this.#tell();
  }

  /** Draw the mask over a picture of the pattern. */
  overlay(context, width, height) {
    if (!this.size) return;
    const [rows, columns] = this.size;
    if (this.painted) {
      context.fillStyle = "#19b5feb0";
      for (let y = 0; y < height; y += 1) {
        for (let x = 0; x < width; x += 1) {
          const row = Math.floor(((y + 0.5) * rows) / height);
          const column = Math.floor(((x + 0.5) * columns) / width);
          if (this.painted.values[row * columns + column]) context.fillRect(x, y, 1, 1);
        }
      }
    }
    if (!this.tool) return;
    const scale = width / columns;
    const [x, y] = [(this.at[1] + 0.5) * scale, (this.at[0] + 0.5) * scale];
    context.strokeStyle = "#fff";
    context.beginPath();
    if (this.tool !== "keep") context.arc(x, y, Math.max(1, this.radius * scale), 0, 7);
    else if (this.corner) context.rect((this.corner[1] + 0.5) * scale, (this.corner[0] + 0.5) * scale,
      x - (this.corner[1] + 0.5) * scale, y - (this.corner[0] + 0.5) * scale);
    else context.rect(x - 3, y - 3, 6, 6);
    context.stroke();
  }

  get tool() {
    return part("mask-tool").value;
  }

  get radius() {
    return Math.max(0.5, Number(part("mask-brush").value) / 2 || 5);
  }

  #own() {
    this.loaded = null;
    this.painted ??= new PixelMask(this.size[0], this.size[1]);
    return this.painted;
  }

  #paint() {
    this.#own().brush(this.at[0], this.at[1], this.radius, this.tool === "erase" ? 0 : 1);
  }

  /** Begin at a place, or with the keyboard end there. */
  #press(key) {
    if (this.tool !== "keep") {
      this.#paint();
    } else if (this.corner) {
      this.#own().keep(this.corner, this.at);
      this.corner = null;
    } else {
      this.corner = this.at;
    }
    if (key) this.#tell();
    this.draw();
  }

  #tell() {
    const left = this.painted?.count ?? 0;
    const share = this.size ? Math.round((100 * left) / (this.size[0] * this.size[1])) : 0;
    part("mask-words").textContent = this.loaded ? `Mask from ${this.loaded.name}.` :
      left ? `${left} pixels (${share} %) are masked and will have no weight.` : "";
    part("mask-clear").disabled = !this.loaded && !left;
  }

  #connect() {
    const canvas = part("preview-canvas");
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      const [rows, columns] = this.size;
      const within = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
      return [within((event.clientY - box.top) / box.height, rows), within((event.clientX - box.left) / box.width, columns)];
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (!this.tool || !this.size) return;
      canvas.setPointerCapture?.(event.pointerId);
      this.down = true;
      this.at = place(event);
      this.corner = null;
      this.#press(false);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.down) return;
      this.at = place(event);
      if (this.tool !== "keep") this.#paint();
      this.draw();
    });
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, () => {
        if (this.down && this.corner) this.#press(false);
        this.down = false;
        this.#tell();
      });
    }
    canvas.addEventListener("keydown", (event) => this.#key(event));
    part("mask-tool").addEventListener("change", () => {
      canvas.classList.toggle("painting", Boolean(this.tool));
      canvas.tabIndex = this.tool ? 0 : -1;
      this.corner = null;
      this.draw();
    });
    part("mask-brush").addEventListener("input", () => this.draw());
    part("mask-clear").addEventListener("click", () => {
      this.take(null);
      this.draw();
      part("mask-tool").focus();
    });
    part("mask-file").addEventListener("change", (event) => {
      if (event.target.files.length) this.take(event.target.files[0]);
      this.draw();
    });
  }

  #key(event) {
    const step = STEPS[event.key];
    if (!this.tool || !this.size || !(step || event.key === " " || event.key === "Enter")) return;
    event.preventDefault();
    if (!step) {
      this.#press(true);
      return;
    }
    const far = event.shiftKey ? 1 : Math.max(1, Math.round(this.radius));
    this.at = this.at.map((value, i) => Math.min(this.size[i] - 1, Math.max(0, value + far * step[i])));
    this.draw();
  }
}
