/** What was dropped or chosen: files, and the files inside of folders. */

/** Files of the system that no one means, and hidden ones. */
const unwanted = (name) => name.startsWith(".") || name === "Thumbs.db" || name === "desktop.ini";
const byName = (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true });

const entriesOf = async (reader) => {
  const all = [];
  // A folder tells its content in portions.
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
};

async function filesOf(entry) {
  if (entry.isFile) {
    return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  }
  const inside = (await entriesOf(entry.createReader())).sort(byName);
  return (await Promise.all(inside.filter(({ name }) => !unwanted(name)).map(filesOf))).flat();
}

/**
 * Files of a drop, those of folders in the order of their names.
 * @param {DataTransfer} transfer
 * @returns {Promise<File[]>}
 */
export async function droppedFiles(transfer) {
  // Entries must be asked for before anything is waited for: afterwards the drop is forgotten.
  const entries = Array.from(transfer.items ?? [], (item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.length || entries.some((entry) => !entry)) return [...transfer.files];
  if (entries.every((entry) => entry.isFile)) return [...transfer.files];
  return (await Promise.all(entries.map(filesOf))).flat();
}

/** Files of a folder that was chosen, without what the system keeps in it. */
export function chosenFiles(list) {
  return [...list].filter(({ name }) => !unwanted(name));
}
