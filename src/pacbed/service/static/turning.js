/** How the chosen pattern is turned before it is asked. */

import { part } from "./dom.js";

export class Turning {
  /** @param {{turned: (quarters: number) => void, mirrored: () => void}} tell */
  constructor(tell) {
    this.quarters = 0;
    this.isMirrored = false;
    part("turn").addEventListener("click", () => {
      this.quarters = (this.quarters + 1) % 4;
      this.#show();
      tell.turned(1);
    });
    part("mirror").addEventListener("click", () => {
      // It is mirrored before it is turned: turned by a half or not at all, mirroring what is seen
      // is the same; turned by a quarter, the turn goes the other way around.
      this.isMirrored = !this.isMirrored;
      this.quarters = (4 - this.quarters) % 4;
      this.#show();
      tell.mirrored();
    });
  }

  /** As the service is told; empty where the pattern is as it was recorded. */
  get parameters() {
    return { ...(this.quarters && { turn_deg: 90 * this.quarters }), ...(this.isMirrored && { mirrored: true }) };
  }

  /** @param {{turn_deg?: number, mirrored?: boolean}} [parameters] */
  set({ turn_deg: angle = 0, mirrored = false } = {}) {
    this.quarters = angle / 90;
    this.isMirrored = mirrored;
    this.#show();
  }

  #show() {
    const done = [this.isMirrored && "mirrored", this.quarters && `turned by ${90 * this.quarters}° clockwise`].filter(Boolean);
    part("turned-words").textContent = done.length ?
      `It is ${done.join(" and then ")}: tilt and azimuth are those of the picture here, not of the file.` : "";
  }
}
