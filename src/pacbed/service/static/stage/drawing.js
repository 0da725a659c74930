/** A small drawing of where to tilt: the disk, the zone axis, and what each axis of the stage does. */

const SPACE = "http://www.w3.org/2000/svg";
const HALF = 60;
/** The farthest end of an arrow lies so far from the centre. */
const REACH = 48;

function shape(tag, attributes, text = "") {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.textContent = text;
  return element;
}

/** @returns {[number, number]} */
const moved = (axis, degrees) => {
  const length = axis.mrad_per_degree * degrees;
  const angle = (axis.direction_deg * Math.PI) / 180;
  return [length * Math.cos(angle), length * Math.sin(angle)];
};

/**
 * @param {{tilt_x_mrad: number, tilt_y_mrad: number}} answer
 * @param {{axes: any[]}} calibration
 * @param {{alpha_deg: number, beta_deg: number, words: string}} guidance
 * @returns {SVGElement} from the zone axis along α, then along β
 */
export function drawGuidance(answer, { axes }, guidance) {
  /** @type {[number, number]} */
  const start = [answer.tilt_x_mrad, answer.tilt_y_mrad];
  const alpha = moved(axes[0], guidance.alpha_deg);
  const beta = moved(axes[1], guidance.beta_deg);
  /** @type {[number, number]} */
  const corner = [start[0] + alpha[0], start[1] + alpha[1]];
  /** @type {[number, number]} */
  const end = [corner[0] + beta[0], corner[1] + beta[1]];
  const farthest = Math.max(0.2, ...[start, corner, end].map(([x, y]) => Math.hypot(x, y)));
  const at = ([x, y]) => [(REACH * x) / farthest, (REACH * y) / farthest];
  const picture = shape("svg", {
    viewBox: `${-HALF} ${-HALF} ${2 * HALF} ${2 * HALF}`, role: "img", "aria-label": guidance.words,
  });
  picture.append(shape("circle", { r: 4, class: "goal" }));
  const line = (from, to, name) => {
    const [[x1, y1], [x2, y2]] = [at(from), at(to)];
    picture.append(shape("line", { x1, y1, x2, y2, class: name }));
    const middle = { x: (x1 + x2) / 2 + 4, y: (y1 + y2) / 2 - 4, class: name };
    if (Math.hypot(x2 - x1, y2 - y1) > 12) picture.append(shape("text", middle, name === "alpha" ? "α" : "β"));
  };
  line(start, corner, "alpha");
  line(corner, end, "beta");
  const [x, y] = at(start);
  picture.append(shape("path", { d: `M${x - 5} ${y}h10M${x} ${y - 5}v10`, class: "zone" }));
  return picture;
}
