/** Sessions in the browser's own database: they outlast a reload, a restart and a power cut. */

const NAME = "pacbed";
const VERSION = 1;

/** @returns {Promise<any>} */
const settled = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

const finished = (transaction) => new Promise((resolve, reject) => {
  transaction.oncomplete = () => resolve(undefined);
  transaction.onerror = () => reject(transaction.error);
  transaction.onabort = () => reject(transaction.error);
});

export class SessionStore {
  /** @returns {Promise<SessionStore>} */
  static async open() {
    const opening = indexedDB.open(NAME, VERSION);
    opening.onupgradeneeded = () => {
      const database = opening.result;
      for (const name of ["sessions", "rows", "blobs"]) {
        const kept = database.createObjectStore(name, { keyPath: "id", autoIncrement: true });
        if (name !== "sessions") kept.createIndex("session", "session");
      }
    };
    return new SessionStore(await settled(opening));
  }

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.database = database;
  }

  #store(name, mode = /** @type {IDBTransactionMode} */ ("readonly")) {
    return this.database.transaction(name, mode).objectStore(name);
  }

  /** All sessions, the newest first: `id`, `name`, `created`. */
  async sessions() {
    return (await settled(this.#store("sessions").getAll())).reverse();
  }

  /** Make or change a session. @returns {Promise<number>} its id */
  putSession(session) {
    return settled(this.#store("sessions", "readwrite").put(session));
  }

  /** Rows of a session in their order. */
  async rows(session) {
    return settled(this.#store("rows").index("session").getAll(session));
  }

  /**
   * Write rows, all or none; new ones get their ids.
   * @param {import("./row.js").Row[]} rows
   */
  async putRows(rows) {
    const transaction = this.database.transaction("rows", "readwrite");
    const done = finished(transaction);
    for (const row of rows) {
      const request = transaction.objectStore("rows").put(row);
      request.onsuccess = () => { row.id = Number(request.result); };
    }
    await done;
  }

  deleteRow(id) {
    return settled(this.#store("rows", "readwrite").delete(id));
  }

  /** Keep a file. @returns {Promise<number>} where */
  putBlob(session, file) {
    return settled(this.#store("blobs", "readwrite").put({ session, file }));
  }

  /** A file that was kept, or null. @returns {Promise<File | null>} */
  async blob(id) {
    if (id === null) return null;
    return (await settled(this.#store("blobs").get(id)))?.file ?? null;
  }

  /** Remove files of a session that no row has any more. */
  async sweepBlobs(session) {
    const used = new Set((await this.rows(session)).flatMap(({ blob, mask }) => [blob, mask]));
    const keys = await settled(this.#store("blobs").index("session").getAllKeys(session));
    const store = this.#store("blobs", "readwrite");
    for (const key of keys) if (!used.has(key)) store.delete(key);
  }

  /** Remove a session with its rows and files. */
  async deleteSession(session) {
    const transaction = this.database.transaction(["sessions", "rows", "blobs"], "readwrite");
    const done = finished(transaction);
    transaction.objectStore("sessions").delete(session);
    for (const name of ["rows", "blobs"]) {
      const store = transaction.objectStore(name);
      const keys = store.index("session").getAllKeys(session);
      keys.onsuccess = () => keys.result.forEach((key) => store.delete(key));
    }
    await done;
  }
}
