/** Form fields with their errors: the words stand below the field that they are about. */

/**
 * Show what is wrong with a field, or nothing.
 * @param {HTMLElement} input whose `aria-describedby` names `ID-error`
 * @param {string} words empty where nothing is wrong
 */
export function showFieldError(input, words) {
  const place = document.getElementById(`${input.id}-error`);
  place.textContent = words;
  place.hidden = !words;
  input.classList.toggle("wrong", Boolean(words));
  if (words) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

/** Show what is wrong with some of the fields, and lead to the first of them. */
export function showFieldErrors(inputs, errors) {
  for (const input of inputs) showFieldError(input, errors.get(input) ?? "");
  const first = inputs.find((input) => errors.get(input));
  if (!first) return;
  // What is folded away cannot be led to.
  for (let box = first.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  first.focus();
}
