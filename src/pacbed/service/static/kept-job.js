/** Which job of a kind this tab waits for, over reloads of the page. */

export class KeptJob {
  /** @param {string} kind */
  constructor(kind) {
    this.key = `pacbed-job-${kind}`;
  }

  keep(id) {
    try {
      sessionStorage.setItem(this.key, id);
    } catch {
      // Then a reload loses sight of it; the service goes on all the same.
    }
  }

  /** The job that was kept; null where there is none. */
  recall() {
    try {
      return sessionStorage.getItem(this.key);
    } catch {
      return null;
    }
  }

  forget() {
    try {
      sessionStorage.removeItem(this.key);
    } catch {
      // Nothing was kept either.
    }
  }
}
