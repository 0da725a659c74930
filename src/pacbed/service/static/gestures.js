/** How pictures are zoomed and moved: pointer, two fingers, wheel and keys. */

/** Of one press of a key or button. */
export const ZOOM_STEP = 1.25;

/**
 * The page scrolls over a picture until that has the focus: by a click, or by the Tab key.
 * @param {HTMLCanvasElement} canvas
 * @param {{zoomAt: (factor: number, x?: number, y?: number) => void, move: (x: number, y: number) => void,
 *   reset: () => void, at: (x: number, y: number) => void, leave: () => void,
 *   point: (x: number, y: number) => void}} acts places are shares of the picture's sides; `point`
 *   moves the place that is read, in pixels of the pattern
 */
export function connectGestures(canvas, acts) {
  connectPointers(canvas, acts);
  connectKeys(canvas, acts);
  canvas.addEventListener("wheel", (event) => {
    if (document.activeElement !== canvas && !event.ctrlKey) return;
    event.preventDefault();
    const [x, y] = [event.offsetX / canvas.clientWidth, event.offsetY / canvas.clientHeight];
    acts.zoomAt(event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP, x, y);
  }, { passive: false });
  canvas.addEventListener("dblclick", acts.reset);
}

/** One pointer moves, two zoom. */
function connectPointers(canvas, acts) {
  const down = new Map();
  const place = ({ clientX, clientY }) => {
    const box = canvas.getBoundingClientRect();
    return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
  };
  const spread = () => {
    const [[x1, y1], [x2, y2]] = down.values();
    return { size: Math.max(0.01, Math.hypot(x2 - x1, y2 - y1)), x: (x1 + x2) / 2, y: (y1 + y2) / 2 };
  };
  canvas.addEventListener("pointerdown", (event) => {
    down.set(event.pointerId, place(event));
    canvas.setPointerCapture?.(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    const before = down.get(event.pointerId);
    if (before && down.size === 2) {
      const { size } = spread();
      down.set(event.pointerId, [x, y]);
      const after = spread();
      acts.zoomAt(after.size / size, after.x, after.y);
    } else if (before) {
      acts.move(before[0] - x, before[1] - y);
      down.set(event.pointerId, [x, y]);
    }
    acts.at(x, y);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => down.delete(event.pointerId));
  }
  canvas.addEventListener("pointerleave", acts.leave);
}

function connectKeys(canvas, acts) {
  const actions = {
    "+": () => acts.zoomAt(ZOOM_STEP), "=": () => acts.zoomAt(ZOOM_STEP), "-": () => acts.zoomAt(1 / ZOOM_STEP),
    0: () => acts.reset(),
    ArrowLeft: () => acts.move(-0.1, 0), ArrowRight: () => acts.move(0.1, 0),
    ArrowUp: () => acts.move(0, -0.1), ArrowDown: () => acts.move(0, 0.1),
  };
  const points = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    const point = event.shiftKey && points[event.key];
    if (!point && !(event.key in actions)) return;
    event.preventDefault();
    if (point) acts.point(...point);
    else actions[event.key]();
  });
}
