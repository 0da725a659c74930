/** A map that was made, looked into: linked layers, the pattern of a window, a line. */

import { showColorbar } from "./colorbar.js";
import { item, part } from "./dom.js";
import { fixed, percent, withError } from "./format.js";
import { drawLayer, sheetOf, spanOfLayer } from "./map-drawing.js";
import { LAYERS, STATUS_COLORS, profile } from "./map-layers.js";
import { viewOf } from "./pictures.js";
import { plain } from "./plain.js";
import { showProfile } from "./map-profile.js";
import { statusName } from "./session/row.js";
import { stills } from "./stills.js";

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const DARK = "dark_field";
/** A window is looked at when the keys have rested so long. */
const PAUSE_MS = 250;

export class MapView {
  /** @param {import("./pacbed-client.js").PacbedClient} client */
  constructor(client) {
    this.client = client;
    this.map = null;
    this.at = null;
    this.from = null;
    part("map-layer").replaceChildren(...Object.entries(LAYERS).map(([name, { title }]) => {
      const option = item("option", title);
      option.value = name;
      return option;
    }));
    part("map-layer").addEventListener("change", () => this.#show());
    part("map-arrows").addEventListener("change", () => this.#draw());
    part("map-line").addEventListener("click", () => {
      this.from = this.from ? null : this.at;
      this.#show();
    });
    for (const id of ["map-canvas", "map-dark"]) this.#listen(part(id));
    addEventListener("resize", () => this.#draw());
  }

  /** Show a map that is made. @param {string} id of its job */
  async open(id) {
    this.id = id;
    this.map = null;
    part("map-look").hidden = true;
    const map = await this.client.mapLayers(id);
    if (this.id !== id) return;
    this.map = map;
    this.at = [map.rows >> 1, map.columns >> 1];
    this.from = null;
    part("map-look").hidden = false;
    part("map-window").replaceChildren();
    this.#show();
    await this.#look();
  }

  get layer() {
    return part("map-layer").value;
  }

  #show() {
    const { map, layer } = this;
    if (!map) return;
    this.sheets = { "map-canvas": sheetOf(map, layer), "map-dark": sheetOf(map, DARK) };
    part("map-title").textContent = LAYERS[layer].title;
    if (layer === "status") {
      part("map-scale").replaceChildren(...Object.keys(STATUS_COLORS).filter((name) => map.status.includes(name)).map((name) => {
        const swatch = item("i");
        swatch.style.background = STATUS_COLORS[name];
        return item("span", "", swatch, ` ${statusName(name)} `);
      }));
    } else {
      this.#bar("map-scale", layer, LAYERS[layer].colors);
    }
    this.#bar("map-dark-scale", DARK, "grey");
    part("map-line").textContent = this.from ? "End the line" : "Begin a line here";
    this.#draw();
    this.#tell();
  }

  #bar(place, layer, colors) {
    const { low, high } = spanOfLayer(this.map, layer);
    showColorbar(part(place), colors, (level) => low + level * (high - low));
  }

  #draw() {
    if (!this.map || part("map-look").hidden) return;
    for (const [id, sheet] of Object.entries(this.sheets)) {
      const arrows = id === "map-canvas" && part("map-arrows").checked;
      drawLayer(part(id), this.map, sheet, { at: this.at, from: this.from, arrows });
    }
  }

  /** What the window says, in words, and the layer along the line. */
  #tell() {
    const { layers, status, columns } = this.map;
    const [row, column] = this.at;
    const place = row * columns + column;
    const value = (name) => layers[name][place];
    part("map-readout").value = `Window ${row}, ${column}: ${statusName(status[place])}, ` +
      `${withError(value("thickness_nm"), value("thickness_std_nm"))} nm, mistilt ` +
      `${withError(value("mistilt_mrad"), value("tilt_std_mrad"))} mrad (x ${fixed(value("tilt_x_mrad"), 1)}, ` +
      `y ${fixed(value("tilt_y_mrad"), 1)}), residual ${percent(value("residual"))}, dark field ` +
      `${value(DARK)?.toPrecision(3) ?? "–"}`;
    const shown = this.layer === "status" ? "thickness_nm" : this.layer;
    const points = this.from ? profile(this.map, shown, this.from, this.at) : [];
    showProfile(part("map-profile"), points, LAYERS[shown].title, this.map.step_unit);
  }

  #go(at, soon) {
    this.at = at;
    this.#draw();
    this.#tell();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#look(), soon ? 0 : PAUSE_MS);
  }

  /** The pattern of the window, its fit and what that leaves. */
  async #look() {
    const { id, at } = this;
    const place = part("map-window");
    try {
      const views = await this.client.mapWindow(id, at[0], at[1]);
      if (id !== this.id || at !== this.at) return;
      const i = at[0] * this.map.columns + at[1];
      const { tilt_x_mrad: x, tilt_y_mrad: y } = this.map.layers;
      place.replaceChildren(...stills(viewOf(views, { tilt_x_mrad: x[i], tilt_y_mrad: y[i] })));
    } catch (error) {
      if (!error.code) throw error;
      if (at === this.at) place.replaceChildren(item("p", plain(error.message)));
    }
  }

  #listen(canvas) {
    canvas.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      const within = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
      this.#go([
        within((event.clientY - box.top) / box.height, this.map.rows),
        within((event.clientX - box.left) / box.width, this.map.columns),
      ], true);
    });
    canvas.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      if (!step || !this.map) return;
      event.preventDefault();
      const within = (value, count) => Math.min(count - 1, Math.max(0, value));
      this.#go([within(this.at[0] + step[0], this.map.rows), within(this.at[1] + step[1], this.map.columns)], false);
    });
  }
}
