/** Help where it is needed: words, how to measure, and an angle per pixel from the camera length. */

import { part } from "./dom.js";

/**
 * Angle that one pixel of a pattern sees, mrad; null where that is not given.
 * @param {number} lengthMm camera length
 * @param {number} pixelUm side of a pixel of the camera
 * @param {number} binning pixels of the camera to one of the pattern
 */
export function anglePerPixel(lengthMm, pixelUm, binning) {
  const given = [lengthMm, pixelUm, binning].every((value) => Number.isFinite(value) && value > 0);
  // µm over mm is mrad; on the axis the angle is its own tangent.
  return given ? (pixelUm * binning) / lengthMm : null;
}

function found() {
  const [length, pixel, binning] = ["camera-length", "pixel-size", "binning"].map((id) => Number(part(id).value));
  return anglePerPixel(length, pixel, binning);
}

function show() {
  const angle = found();
  part("scale-found").value = angle === null ? "" : `${angle.toPrecision(4)} mrad per pixel`;
  part("scale-take").disabled = angle === null;
}

/** Unfold the help at one place. */
function open(id) {
  part("help-details").open = true;
  part(id).focus({ preventScroll: true });
  part(id).scrollIntoView({ block: "start" });
}

/** @param {() => number | null} cameraLength of the pattern that is chosen, mm, as its file says */
export function connectHelp(cameraLength) {
  for (const button of document.querySelectorAll("button.help")) {
    button.addEventListener("click", () => {
      const stated = cameraLength();
      if (stated && !part("camera-length").value) part("camera-length").value = stated;
      show();
      open(/** @type {HTMLElement} */ (button).dataset.help);
    });
  }
  for (const id of ["camera-length", "pixel-size", "binning"]) part(id).addEventListener("input", show);
  part("scale-take").addEventListener("click", () => {
    part("scale").value = found().toPrecision(4);
    part("scale").focus();
  });
}
