/** Which pixels of a pattern say nothing, as its user paints them. */

/** First bytes of a file of NumPy, with the length of its head behind them. */
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0];
/** The head ends at a multiple of this. */
const ALIGNMENT = 64;

export class PixelMask {
  /** @param {number} rows @param {number} columns */
  constructor(rows, columns) {
    this.rows = rows;
    this.columns = columns;
    this.values = new Uint8Array(rows * columns);
  }

  get count() {
    return this.values.reduce((sum, value) => sum + value, 0);
  }

  /** Paint a round brush, or erase with it; places and radius in pixels. */
  brush(row, column, radius, value = 1) {
    const reach = Math.ceil(radius);
    for (let y = Math.max(0, row - reach); y <= Math.min(this.rows - 1, row + reach); y += 1) {
      for (let x = Math.max(0, column - reach); x <= Math.min(this.columns - 1, column + reach); x += 1) {
        if (Math.hypot(y - row, x - column) <= radius) this.values[y * this.columns + x] = value;
      }
    }
  }

  /** Leave nothing but a rectangle, given by two of its corners. */
  keep([row1, column1], [row2, column2]) {
    const [top, bottom] = [Math.min(row1, row2), Math.max(row1, row2)];
    const [left, right] = [Math.min(column1, column2), Math.max(column1, column2)];
    for (let y = 0; y < this.rows; y += 1) {
      const inside = y >= top && y <= bottom;
      for (let x = 0; x < this.columns; x += 1) {
        if (!inside || x < left || x > right) this.values[y * this.columns + x] = 1;
      }
    }
  }

  /** The same mask, mirrored left to right. */
  mirrored() {
    const other = new PixelMask(this.rows, this.columns);
    for (let y = 0; y < this.rows; y += 1) {
      const row = this.values.slice(y * this.columns, (y + 1) * this.columns).reverse();
      other.values.set(row, y * this.columns);
    }
    return other;
  }

  /** The same mask, turned clockwise. @param {number} quarters */
  turned(quarters) {
    let found = /** @type {PixelMask} */ (this);
    for (let i = 0; i < ((quarters % 4) + 4) % 4; i += 1) found = found.#quarter();
    return found;
  }

  #quarter() {
    const other = new PixelMask(this.columns, this.rows);
    for (let y = 0; y < this.rows; y += 1) {
      for (let x = 0; x < this.columns; x += 1) {
        other.values[x * this.rows + this.rows - 1 - y] = this.values[y * this.columns + x];
      }
    }
    return other;
  }

  /** As a file of NumPy. @returns {File} */
  file() {
    const words = `{'descr': '|u1', 'fortran_order': False, 'shape': (${this.rows}, ${this.columns}), }`;
    const filled = ALIGNMENT * Math.ceil((MAGIC.length + 2 + words.length + 1) / ALIGNMENT) - MAGIC.length - 2;
    const head = `${words.padEnd(filled - 1)}\n`;
    const length = new Uint8Array([head.length & 255, head.length >> 8]);
    return new File([new Uint8Array(MAGIC), length, head, this.values], "mask.npy");
  }
}
