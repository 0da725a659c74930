/** Patterns as the service sends them. */

/**
 * Unpack a pattern of `views` or of a preview.
 * @param {string} packed base64 of unsigned 16-bit numbers, low byte first; 0 is no value
 * @returns {Float32Array} values, NaN where there is none
 */
export function unpack(packed, minimum, maximum) {
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const values = new Float32Array(bytes.length / 2);
  for (let i = 0; i < values.length; i += 1) {
    const level = view.getUint16(2 * i, true);
    values[i] = level === 0 ? NaN : minimum + ((level - 1) / 65534) * (maximum - minimum);
  }
  return values;
}
