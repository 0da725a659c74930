/**
 * Client of the PACBED-CNN service; depends on nothing but `pacbed-errors.js`,
 * `sending.js` and `unpack.js` beside it.
 *
 *     import { PacbedClient } from "http://localhost:8230/static/pacbed-client.js";
 *     const client = new PacbedClient("http://localhost:8230");
 *     const answer = await client.infer(file, { system: "sto-001-300kV", convergence_mrad: 20 });
 *     console.log(answer.thickness_nm, answer.status);
 *
 * A page of another host needs the service to allow it (PACBED_ALLOW_ORIGINS).
 */

export { unpack } from "./unpack.js";

import { PacbedError, cancelled, foreign, pause, problem, unreachable } from "./pacbed-errors.js";
import { sendOnce } from "./sending.js";

export { PacbedError };

const RETRIES = 3;
/** Longest wait before another try, whatever the service says. */
const MOST_RETRY_SECONDS = 30;

/** Parts of a request beside its file: the parameters, and files that were given. */
const partsOf = (parameters, files) => ({
  parameters: JSON.stringify(parameters),
  ...Object.fromEntries(Object.entries(files).filter(([, file]) => file)),
});

export class PacbedClient {
  /** @param {string} base address of the service, by default where the page comes from */
  constructor(base = ".") {
    this.base = base.replace(/\/$/, "");
  }

  /** Installed systems with the ranges that they cover. */
  systems() {
    return this.#get("/systems");
  }

  /** Example patterns: name, system and conditions. */
  examples() {
    return this.#get("/examples/");
  }

  /** One example as a File, ready for `infer`. */
  async example(name) {
    const response = await this.#fetch(`/examples/${encodeURIComponent(name)}`);
    return new File([await response.blob()], name);
  }

  /**
   * Look into a file: frames, metadata and a small picture.
   * @param {Blob} file
   * @param {object} [fileParams] `typ`, `frame` …
   */
  preview(file, fileParams = {}, options = {}) {
    return this.#send("/preview/", { file_params: JSON.stringify(fileParams) }, file, options);
  }

  /**
   * Thickness and mistilt of one pattern.
   * @param {Blob} file the pattern
   * @param {object} parameters as `Parameters` of the service's description
   * @param {{signal?: AbortSignal, onUpload?: (share: number) => void, mask?: Blob, microscope?: Blob}} [options]
   *   `mask` is not 0 where a pixel says nothing; `microscope` is of `pacbed calibrate-microscope`
   * @returns {Promise<object>} the answer
   */
  infer(file, parameters, { mask, microscope, ...options } = {}) {
    return this.#send("/inference/", partsOf(parameters, { mask, microscope }), file, options);
  }

  /** Thickness and mistilt of every frame of a stack. */
  inferBatch(file, parameters, options = {}) {
    return this.#send("/inference/batch/", { parameters: JSON.stringify(parameters) }, file, options);
  }

  /**
   * Measured and simulated pattern of an answer that was given before; see `unpack`.
   * @param {Blob} file the pattern
   * @param {object} parameters as `ViewParameters` of the service's description
   * @param {{mask?: Blob}} [options] `mask` as of `infer`
   */
  views(file, parameters, { mask, ...options } = {}) {
    return this.#send("/views/", partsOf(parameters, { mask }), file, options);
  }

  /**
   * Where the axes of a stage lie in patterns, and where to tilt.
   * @param {object} parameters as `StageParameters` of the service's description
   */
  stage(parameters, options = {}) {
    return this.#send("/stage/", { parameters: JSON.stringify(parameters) }, null, options);
  }

  /** A simulated pattern as PNG; `query` as of `GET /pattern/`. */
  async pattern(query) {
    return (await this.#fetch(`/pattern/?${new URLSearchParams(query)}`)).blob();
  }

  /**
   * Start making maps of a 4D-STEM scan.
   * @param {Blob} file the scan
   * @param {object} parameters as `MapParameters` of the service's description
   * @param {{mask?: Blob, microscope?: Blob, signal?: AbortSignal, onUpload?: (share: number) => void}} [options]
   *   `mask` and `microscope` as of `infer`
   * @returns {Promise<object>} the job; its `id` goes into the other calls
   */
  makeMap(file, parameters, { mask, microscope, ...options } = {}) {
    return this.#send("/maps/", partsOf(parameters, { mask, microscope }), file, options);
  }

  /**
   * Wait for a map.
   * @param {(job: object) => void} [onProgress] called whenever the job gets on
   * @returns {Promise<object>} the job when it is done
   */
  watchMap(id, onProgress) {
    return this.#watch(`/maps/${id}/events`, onProgress);
  }

  /** Whether this service makes systems from structure files: `on`, and else why not. */
  ownSystems() {
    return this.#get("/systems/own");
  }

  /** Crystals that need no structure file; `knownCrystal` gives one as a CIF, for `addSystem`. */
  knownCrystals() { return this.#get("/crystals/"); }
  async knownCrystal(name) {
    const answer = await this.#fetch(`/crystals/${encodeURIComponent(name)}`);
    return new File([await answer.blob()], `${name}.cif`);
  }

  /** Zone axes to choose from, of a structure file: `ZoneAxes` of the service's description. */
  zoneAxes(file, options = {}) {
    return this.#send("/systems/zone_axes", {}, file, options);
  }

  /**
   * What a structure file is understood as; nothing is simulated.
   * @param {Blob} file the CIF
   * @param {object} fields `zone_axis`, `high_tension_kV`, and what `addSystem` takes beside them
   * @returns {Promise<object>} `name` and `understood`: formula, lines of words, factors B
   */
  understandStructure(file, fields, options = {}) {
    return this.#send("/systems/understood", fields, file, options);
  }

  /**
   * Make a system from a structure file, and wait for it.
   *
   *     const job = await client.addSystem(cif, { zone_axis: "1 1 -2 0", high_tension_kV: 200 });
   *     const answer = await client.infer(file, { system: job.name });
   *
   * @param {Blob} file the CIF
   * @param {object} fields `zone_axis`, `high_tension_kV`; if wanted `convergence_mrad` (one angle,
   *   or `"8/20"`), `thickness_max_nm`, `mistilt_max_mrad`, `b` (`"Ga=0.3,N=0.35"`), `name`
   * @param {{signal?: AbortSignal, onUpload?: (share: number) => void,
   *   onStart?: (job: object) => void, onProgress?: (job: object) => void}} [options] `signal`
   *   cancels, also the simulation; `onStart` gets the job as soon as the structure was understood,
   *   `onProgress` whenever its `share` or `seconds_left` change
   * @returns {Promise<object>} the job when it is done; its `name` is the system
   */
  async addSystem(file, fields, options = {}) {
    const job = await this.#send("/systems/", fields, file, options);
    options.onStart?.(job);
    return this.watchSystem(job.id, options);
  }

  /** How far a system is that is being made. */
  systemJob(id) {
    return this.#get(`/systems/jobs/${id}`);
  }

  /**
   * Wait for a system that is being made, for example after a reload of the page.
   * @param {string} id
   * @param {{signal?: AbortSignal, onProgress?: (job: object) => void}} [options] as of `addSystem`
   * @returns {Promise<object>} the job when it is done
   */
  async watchSystem(id, { signal, onProgress } = {}) {
    let deleted = null;
    const cancel = () => { deleted = this.deleteSystem(id).catch(() => {}); };
    if (signal?.aborted) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      const job = await this.#watch(`/systems/jobs/${id}/events`, onProgress);
      if (!deleted) return job;
    } catch (error) {
      // What is deleted before its events are asked for has none.
      if (!deleted) throw error;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
    await deleted;
    throw cancelled();
  }

  /** Stop making a system, or remove it. */
  async deleteSystem(id) {
    await this.#fetch(`/systems/jobs/${id}`, { method: "DELETE" });
  }

  #watch(path, onProgress) {
    const source = new EventSource(this.base + path);
    const ended = new Promise((resolve, reject) => {
      const job = ({ data }) => JSON.parse(data);
      source.addEventListener("progress", (event) => onProgress?.(job(event)));
      source.addEventListener("done", (event) => resolve(job(event)));
      source.addEventListener("failed", (event) => {
        const { code, detail } = job(event);
        reject(new PacbedError(0, code, detail));
      });
      source.addEventListener("deleted", () => reject(cancelled()));
      // Streams that end are asked for again on their own; one that is refused is not.
      source.addEventListener("error", () => {
        if (source.readyState === EventSource.CLOSED) reject(unreachable());
      });
    });
    return ended.finally(() => source.close());
  }

  /** How far a map is. */
  mapJob(id) {
    return this.#get(`/maps/${id}`);
  }

  /** What a finished map shows, window by window: `MapLayers` of the service's description. */
  mapLayers(id) {
    return this.#get(`/maps/${id}/layers`);
  }

  /** The pattern of one window of a map beside its simulation; see `unpack`. */
  mapWindow(id, row, column) {
    return this.#get(`/maps/${id}/window?row=${row}&column=${column}`);
  }

  /** Address of what a finished map consists of: `file`, `table` or `picture`. */
  mapAddress(id, kind) {
    return `${this.base}/maps/${id}/${kind}`;
  }

  /** Stop making a map and delete it. */
  async deleteMap(id) {
    await this.#fetch(`/maps/${id}`, { method: "DELETE" });
  }

  async #get(path) {
    const response = await this.#fetch(path);
    try {
      return await response.json();
    } catch {
      throw foreign();
    }
  }

  async #fetch(path, options) {
    let response;
    try {
      response = await fetch(this.base + path, options);
    } catch {
      throw unreachable();
    }
    if (!response.ok) throw problem(response.status, await response.text());
    return response;
  }

  async #send(path, parts, file, options) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await sendOnce(this.base + path, parts, file, options);
      } catch (error) {
        if (error.code !== "busy" || attempt >= RETRIES) throw error;
        const wait = Math.min(MOST_RETRY_SECONDS, error.retrySeconds ?? 0);
        await pause(1000 * (wait + attempt + Math.random()), options.signal);
      }
    }
  }
}
