/** The layers of a map: what each is called, how it is coloured, and its values along a line. */

/** Layers that are offered, with their titles and colours; status has colours of its own. */
export const LAYERS = {
  thickness_nm: { title: "Thickness (nm)", colors: "viridis" },
  thickness_std_nm: { title: "Error of the thickness (nm)", colors: "viridis" },
  mistilt_mrad: { title: "Mistilt (mrad)", colors: "inferno" },
  tilt_std_mrad: { title: "Error of the tilt (mrad)", colors: "inferno" },
  residual: { title: "Residual", colors: "inferno" },
  status: { title: "Status", colors: "" },
};

export const STATUS_COLORS = {
  ok: "#4c9f70", ambiguous: "#e0b83c", mismatch: "#c0504d", out_of_range: "#7f5aa8", no_data: "#d0d0d0",
  settled: "#8ecf9f",
};

/** Numbers of a layer, NaN where there is none. @returns {Float32Array} */
export const numbersOf = (map, name) => Float32Array.from(map.layers[name], (value) => value ?? NaN);

/**
 * Row and column of a window.
 * @typedef {[number, number]} Place
 */

/**
 * Windows on the way from one to another, both with them.
 * @param {Place} from
 * @param {Place} to
 * @returns {Place[]}
 */
export function line([row1, column1], [row2, column2]) {
  const steps = Math.max(Math.abs(row2 - row1), Math.abs(column2 - column1));
  return Array.from({ length: steps + 1 }, (_, i) => {
    const share = steps ? i / steps : 0;
    return [Math.round(row1 + share * (row2 - row1)), Math.round(column1 + share * (column2 - column1))];
  });
}

/**
 * Values of a layer along a line.
 * @param {any} map `MapLayers` of the service
 * @param {string} name
 * @param {Place} from
 * @param {Place} to
 * @returns {{at: Place, distance: number, value: number}[]} distance in the unit of the map's steps
 */
export function profile(map, name, from, to) {
  return line(from, to).map(([row, column]) => ({
    at: [row, column],
    distance: Math.hypot((row - from[0]) * map.row_step, (column - from[1]) * map.column_step),
    value: map.layers[name][row * map.columns + column] ?? NaN,
  }));
}

/** Tilt of a window, along the axes of the scan where these are known. */
export function tiltOf({ layers, columns }, row, column) {
  const place = row * columns + column;
  const own = layers.scan_tilt_x_mrad ? "scan_tilt" : "tilt";
  return [layers[`${own}_x_mrad`][place], layers[`${own}_y_mrad`][place]];
}
