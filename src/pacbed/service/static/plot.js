/** The thickness distribution with the answer, its interval and the alternatives. */

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

let chart = null;

/**
 * Thicknesses around the answer that hold nearly all of the probability of its peak.
 * @returns {{min: number, max: number}}
 */
export function peakRange({ thickness_nm: nm, thickness_std_nm: error, thickness_interval95_nm: [low, high] }) {
  const margin = Math.max(1, 2 * (error ?? 0));
  return { min: Math.max(0, Math.min(nm, low ?? nm) - margin), max: Math.max(nm, high ?? nm) + margin };
}

/**
 * @param {HTMLElement} box
 * @param {any} answer
 * @param {boolean} atPeak whether the surroundings of the answer are shown alone
 */
export function drawDistribution(box, answer, atPeak) {
  chart?.destroy();
  chart = null;
  box.replaceChildren();
  const { thickness_nm: grid, probability } = answer.thickness_distribution;
  // Results that were read from a CSV have none.
  box.hidden = !grid.length;
  if (!grid.length) return;
  const [low, high] = answer.thickness_interval95_nm;
  const axis = (label) => ({
    label,
    stroke: css("--ink"),
    grid: { stroke: css("--line"), width: 1 },
    ticks: { stroke: css("--line"), width: 1 },
  });
  chart = new uPlot(
    {
      width: Math.max(240, box.clientWidth),
      height: 220,
      scales: { x: { time: false } },
      legend: { show: true },
      cursor: { y: false },
      axes: [axis("thickness (nm)"), { ...axis("probability"), size: 62 }],
      series: [
        { label: "nm", value: (_, x) => x?.toFixed(1) ?? "–" },
        {
          label: "probability",
          stroke: css("--accent"),
          fill: css("--band"),
          width: 2,
          points: { show: false },
          value: (_, y) => y?.toFixed(3) ?? "–",
        },
      ],
      hooks: { drawAxes: [(u) => drawMarks(u, answer, low, high)] },
    },
    [grid, probability],
    box,
  );
  if (atPeak) chart.setScale("x", peakRange(answer));
  box.setAttribute("role", "group");
  box.setAttribute(
    "aria-label",
    `Thickness distribution from ${grid[0]} to ${grid[grid.length - 1]} nm, with the answer, ` +
      "its 95 % interval and the alternatives",
  );
}

/** Behind the curve: the interval as a band, the answer and the alternatives as lines. */
function drawMarks(u, answer, low, high) {
  const { ctx: context, bbox } = u;
  context.save();
  context.beginPath();
  context.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  context.clip();
  const x = (nm) => u.valToPos(nm, "x", true);
  context.fillStyle = css("--band");
  if (low !== null && high !== null) {
    const left = Math.max(bbox.left, x(low));
    const right = Math.min(bbox.left + bbox.width, x(high));
    context.fillRect(left, bbox.top, right - left, bbox.height);
  }
  const line = (nm, color, dash) => {
    if (nm === null) return;
    context.strokeStyle = color;
    context.lineWidth = 2 * devicePixelRatio;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(x(nm), bbox.top);
    context.lineTo(x(nm), bbox.top + bbox.height);
    context.stroke();
  };
  line(answer.thickness_nm, css("--good"), []);
  for (const other of answer.alternatives) line(other.thickness_nm, css("--doubt"), [6, 5]);
  context.restore();
}
