/** Patterns on canvases that zoom and move together. */

import { drawAxes } from "./axes.js";
import { showColorbar } from "./colorbar.js";
import { colorTable } from "./colormaps.js";
import { connectGestures } from "./gestures.js";
import { levelsOf } from "./levels.js";
import { drawMarks } from "./marks.js";
import { paint } from "./paint.js";
import { differenceOf, spanOf } from "./scales.js";

export class LinkedViewers {
  /**
   * @param {{measured, simulated, difference: HTMLCanvasElement}} canvases
   * @param {{measured, simulated, difference: HTMLElement}} bars where their colours are explained
   * @param {(words: string) => void} tell shows what is under the pointer
   */
  constructor(canvases, bars, tell) {
    this.canvases = canvases;
    this.tell = tell;
    this.bars = bars;
    /** @type {import("./levels.js").Look} */
    this.look = { colors: "inferno", intensity: "linear", gamma: 0.5, log: {} };
    this.view = null;
    this.reset();
    for (const canvas of Object.values(canvases)) this.#listen(canvas);
    new ResizeObserver(() => this.draw()).observe(canvases.measured);
  }

  /** Show the patterns of an answer; `view` has rows, columns, centre, values … */
  show(view) {
    this.view = view;
    this.pixel = null;
    const { measured, simulated } = view;
    this.values = { measured, simulated, difference: differenceOf(measured, simulated) };
    this.span = spanOf(measured, this.values.difference);
    this.reset();
    this.render();
  }

  /** Change colours or the intensity scale. */
  setLook(look) {
    Object.assign(this.look, look);
    this.render();
  }

  reset() {
    this.zoom = 1;
    this.x = 0.5;
    this.y = 0.5;
    this.draw();
  }

  /** Values that are dark and bright; what is null goes back to what the patterns suggest. */
  setSpan(span) {
    const suggested = spanOf(this.values.measured, this.values.difference);
    for (const [name, value] of Object.entries(span)) this.span[name] = value ?? suggested[name];
    this.render();
  }

  render() {
    if (!this.view) return;
    const { rows, columns } = this.view;
    this.sheets = {};
    for (const [name, values] of Object.entries(this.values)) {
      if (!values) {
        this.bars[name].replaceChildren();
        continue;
      }
      const colors = name === "difference" ? "difference" : this.look.colors;
      const { to, from } = levelsOf(this.look, name, this.span);
      this.sheets[name] = paint(values, rows, columns, colorTable(colors), to);
      showColorbar(this.bars[name], colors, from);
    }
    this.draw();
  }

  draw() {
    if (!this.sheets) return;
    for (const [name, canvas] of Object.entries(this.canvases)) {
      const side = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
      canvas.width = side;
      canvas.height = side;
      const context = canvas.getContext("2d");
      context.imageSmoothingEnabled = false;
      const sheet = this.sheets[name];
      if (!sheet) {
        context.fillStyle = "#fff";
        context.font = `${14 * devicePixelRatio}px sans-serif`;
        context.fillText("not simulated", 12 * devicePixelRatio, 24 * devicePixelRatio);
        continue;
      }
      const { left, top, scale } = this.#frame(side);
      context.drawImage(sheet, left, top, scale * sheet.width, scale * sheet.height);
      drawAxes(context, this.view, { left, top, scale }, side);
      drawMarks(context, this.view, { left, top, scale }, name === "difference" ? "#000" : "#fff");
      this.#markPixel(context, left, top, scale);
    }
  }

  /** Where the pattern lies on a canvas, in its pixels. */
  #frame(side) {
    const { rows, columns } = this.view;
    const scale = (side / Math.max(rows, columns)) * this.zoom;
    return { left: side / 2 - this.x * columns * scale, top: side / 2 - this.y * rows * scale, scale };
  }

  /** The pixel that is read, in every picture. */
  #markPixel(context, left, top, scale) {
    if (!this.pixel) return;
    const size = Math.max(scale, 5 * devicePixelRatio);
    const x = left + (this.pixel.column + 0.5) * scale - size / 2;
    const y = top + (this.pixel.row + 0.5) * scale - size / 2;
    for (const [style, width] of [["#000", 3], ["#fff", 1]]) {
      context.strokeStyle = String(style);
      context.lineWidth = Number(width) * devicePixelRatio;
      context.strokeRect(x, y, size, size);
    }
  }

  /** Zoom about a place, in shares of the picture's sides. */
  zoomAt(factor, x = 0.5, y = 0.5) {
    const zoom = Math.min(40, Math.max(1, this.zoom * factor));
    this.x += (x - 0.5) * (1 / this.zoom - 1 / zoom);
    this.y += (y - 0.5) * (1 / this.zoom - 1 / zoom);
    this.zoom = zoom;
    this.#keepInside();
  }

  /** Move by shares of the picture's sides. */
  move(x, y) {
    this.x += x / this.zoom;
    this.y += y / this.zoom;
    this.#keepInside();
  }

  #keepInside() {
    const margin = 0.5 / this.zoom;
    this.x = Math.min(1 - margin, Math.max(margin, this.x));
    this.y = Math.min(1 - margin, Math.max(margin, this.y));
    this.draw();
  }

  #listen(canvas) {
    connectGestures(canvas, {
      zoomAt: (...place) => this.zoomAt(...place),
      move: (x, y) => this.move(x, y),
      reset: () => this.reset(),
      at: (x, y) => this.#readAt(x, y),
      leave: () => this.read(null),
      point: (x, y) => this.#point(x, y),
    });
  }

  /** Read the pixel at a place of a canvas. */
  #readAt(shareX, shareY) {
    if (!this.view) return;
    const column = Math.floor((this.x + (shareX - 0.5) / this.zoom) * this.view.columns);
    const row = Math.floor((this.y + (shareY - 0.5) / this.zoom) * this.view.rows);
    this.read({ row, column });
  }

  /** Move the pixel that is read; it begins at the disk's centre. */
  #point(x, y) {
    if (!this.view) return;
    const { center_row_px: row, center_column_px: column } = this.view;
    const from = this.pixel ?? { row: Math.round(row), column: Math.round(column) };
    this.read({ row: from.row + y, column: from.column + x });
  }

  /** Tell a pixel of every picture, and mark it; none where it is null or outside. */
  read(pixel) {
    const { view } = this;
    const inside = pixel && pixel.row >= 0 && pixel.row < view.rows && pixel.column >= 0 && pixel.column < view.columns;
    this.pixel = inside ? pixel : null;
    this.draw();
    if (!inside) {
      this.tell("");
      return;
    }
    const x = (pixel.column - view.center_column_px) * view.mrad_per_pixel;
    const y = (pixel.row - view.center_row_px) * view.mrad_per_pixel;
    const values = Object.entries(this.values).filter(([, picture]) => picture).map(([name, picture]) => {
      const value = picture[pixel.row * view.columns + pixel.column];
      return `${name} ${Number.isNaN(value) ? "–" : value.toPrecision(4)}`;
    });
    this.tell(`x ${x.toFixed(1)}, y ${y.toFixed(1)} mrad: ${values.join(", ")}`);
  }
}
