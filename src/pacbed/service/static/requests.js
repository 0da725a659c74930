/** How a pattern is asked for, in the words of the service. */

/**
 * Which pattern of a file is meant, and how it is turned.
 * @param {any} parameters of the row; `file_params` says how it is turned
 * @param {number | null} frame
 */
export const fileParams = (parameters, frame) => (
  { typ: "auto", ...(frame !== null && { frame }), ...parameters?.file_params }
);

/**
 * A request for numbers; `validation` may ask for a report.
 * @param {any} parameters of the row; the calibration of the microscope in it goes as a part of its own
 * @param {number | null} frame
 * @param {boolean | string} [validation]
 */
export const requestFor = ({ microscope, ...parameters }, frame, validation = false) => (
  { ...parameters, file_params: fileParams(parameters, frame), validation, views: false }
);

/**
 * The calibration of the microscope that a pattern is asked with.
 * @param {any} parameters of the row
 * @returns {File | null} null where there is none, or a table of results named it alone
 */
export const microscopeFile = ({ microscope }) => (
  microscope?.text ? new File([microscope.text], microscope.name) : null
);
