/** What goes wrong between a page and the service. */

/**
 * A request that failed: `status` and `code` for programs, the message for people, `field` where
 * one field of the request alone is wrong, `retrySeconds` where the service says when to try again.
 */
export class PacbedError extends Error {
  constructor(status, code, detail, field = null, retrySeconds = null) {
    super(detail);
    this.retrySeconds = retrySeconds;
    this.name = "PacbedError";
    this.status = status;
    this.code = code;
    this.field = field;
  }
}

export function cancelled() {
  return new PacbedError(0, "cancelled", "Cancelled.");
}

export function unreachable() {
  return new PacbedError(0, "unreachable", "The service does not answer.");
}

/** A proxy's or a login's page arrived in place of an answer. */
export function foreign() {
  return new PacbedError(
    0, "foreign", "Something else than the service answered, such as a login page of a proxy. " +
      "Load this page again.",
  );
}

export function problem(status, text, retryAfter = null) {
  // A date in place of seconds is for those who wait for days.
  const seconds = Number.parseInt(retryAfter ?? "", 10);
  try {
    const { code, detail, field } = JSON.parse(text);
    return new PacbedError(status, code, detail, field, Number.isNaN(seconds) ? null : seconds);
  } catch {
    return new PacbedError(status, "request", `The service answered with status ${status}.`);
  }
}

/** Wait, unless it is cancelled meanwhile. */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(cancelled());
    });
  });
}
