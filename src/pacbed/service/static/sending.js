// One request with files, and how much of it has been sent.

import { cancelled, foreign, problem, unreachable } from "./pacbed-errors.js";

/**
 * Send a form and read the JSON that comes back. XMLHttpRequest, because fetch does not tell how
 * much has been sent.
 * @param {string} address
 * @param {object} parts texts and files of the form, by name
 * @param {Blob | null} file goes last
 * @param {{signal?: AbortSignal, onUpload?: (share: number) => void}} options
 */
export function sendOnce(address, parts, file, { signal, onUpload }) {
  const body = new FormData();
  for (const [name, value] of Object.entries(parts)) body.append(name, value);
  if (file) body.append("file", file, file instanceof File ? file.name : "pattern");
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onUpload?.(event.loaded / event.total);
    };
    request.onload = () => {
      const { status, responseText: text } = request;
      if (status < 200 || status > 299) {
        reject(problem(status, text, request.getResponseHeader("Retry-After")));
        return;
      }
      try {
        resolve(JSON.parse(text));
      } catch {
        reject(foreign());
      }
    };
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(cancelled());
    if (signal?.aborted) {
      reject(cancelled());
      return;
    }
    signal?.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}
