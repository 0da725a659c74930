/** Values as colours. */

const MISSING = 119;

/** Turn values into a picture. */
export function paint(values, rows, columns, table, level) {
  const image = new ImageData(columns, rows);
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i];
    const place = 4 * i;
    image.data[place + 3] = 255;
    if (Number.isNaN(value)) {
      image.data.fill(MISSING, place, place + 3);
    } else {
      const color = 3 * Math.round(255 * Math.min(1, Math.max(0, level(value))));
      image.data[place] = table[color];
      image.data[place + 1] = table[color + 1];
      image.data[place + 2] = table[color + 2];
    }
  }
  const sheet = new OffscreenCanvas(columns, rows);
  sheet.getContext("2d").putImageData(image, 0, 0);
  return sheet;
}
