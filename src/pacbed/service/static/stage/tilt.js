/** What of an answer counts for the stage: where it sees the zone axis. */

import { isRefused } from "../session/row.js";

/** Whether an answer says where the zone axis is, and may be used. */
export const hasTilt = (answer) => (
  !isRefused(answer) && [answer.tilt_x_mrad, answer.tilt_y_mrad, answer.tilt_std_mrad].every(Number.isFinite)
);

export const tiltOf = ({ tilt_x_mrad, tilt_y_mrad, tilt_std_mrad }) => ({ tilt_x_mrad, tilt_y_mrad, tilt_std_mrad });
