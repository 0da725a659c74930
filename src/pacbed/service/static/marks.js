/** What is drawn over a pattern: the edge of the disk, and the zone axis. */

/**
 * @param {CanvasRenderingContext2D} context
 * @param {any} view centre, angle per pixel, convergence semi-angle and tilt
 * @param {{left: number, top: number, scale: number}} frame where the pattern lies on the canvas
 * @param {string} color
 */
export function drawMarks(context, view, { left, top, scale }, color) {
  const perMrad = scale / view.mrad_per_pixel;
  const x = left + (view.center_column_px + 0.5) * scale;
  const y = top + (view.center_row_px + 0.5) * scale;
  context.strokeStyle = color;
  context.lineWidth = devicePixelRatio;
  context.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  context.beginPath();
  context.arc(x, y, view.convergence_mrad * perMrad, 0, 7);
  context.stroke();
  context.setLineDash([]);
  if (view.tilt_x_mrad === null || view.tilt_y_mrad === null) return;
  const zoneX = x + view.tilt_x_mrad * perMrad;
  const zoneY = y + view.tilt_y_mrad * perMrad;
  const arm = 8 * devicePixelRatio;
  for (const [style, width] of [[color === "#fff" ? "#000" : "#fff", 4], [color, 2]]) {
    context.strokeStyle = String(style);
    context.lineWidth = Number(width) * devicePixelRatio;
    context.beginPath();
    // The tilt, from the centre of the disk to the zone axis.
    context.moveTo(x, y);
    context.lineTo(zoneX, zoneY);
    context.moveTo(zoneX - arm, zoneY);
    context.lineTo(zoneX + arm, zoneY);
    context.moveTo(zoneX, zoneY - arm);
    context.lineTo(zoneX, zoneY + arm);
    context.stroke();
  }
}
