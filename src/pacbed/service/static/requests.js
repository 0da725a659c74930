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
 * @param {any} parameters
 * @param {number | null} frame
 * @param {boolean | string} [validation]
 */
export const requestFor = (parameters, frame, validation = false) => (
  { ...parameters, file_params: fileParams(parameters, frame), validation, views: false }
);
