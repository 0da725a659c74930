/** Results as a table of comma-separated values, and back. */

/** What a spreadsheet would take for a formula is text here. */
const FORMULA = /^'*[=+\-@\t\r]/;
const SHIELDED = /^'(?='*[=+\-@\t\r])/;

function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "string") return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * @param {string[]} names of the columns
 * @param {object[]} records
 */
export function writeCsv(names, records) {
  const lines = records.map((record) => names.map((name) => cell(record[name])).join(","));
  return `${[names.join(","), ...lines].join("\r\n")}\r\n`;
}

/** Cells of a text, row by row. */
function cells(text) {
  const rows = [[""]];
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i];
    const row = rows[rows.length - 1];
    if (quoted && character === '"' && text[i + 1] === '"') {
      row[row.length - 1] += '"';
      i += 1;
    } else if (character === '"') {
      quoted = !quoted;
    } else if (quoted) {
      row[row.length - 1] += character;
    } else if (character === ",") {
      row.push("");
    } else if (character === "\n") {
      rows.push([""]);
    } else if (character !== "\r") {
      row[row.length - 1] += character;
    }
  }
  return rows.filter((row) => row.length > 1 || row[0] !== "");
}

/**
 * @param {string} text
 * @returns {Record<string, string>[]} records by the names of the first line
 */
export function readCsv(text) {
  const [names, ...rows] = cells(text.replace(/^\uFEFF/, ""));
  return rows.map((row) => Object.fromEntries(
    names.map((name, i) => [name, (row[i] ?? "").replace(SHIELDED, "")]),
  ));
}
