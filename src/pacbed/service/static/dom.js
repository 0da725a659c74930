/** The few things that every part of the page does with its elements. */

/**
 * Element of the page by its id. What kind of element it is stands in `index.html`.
 * @param {string} id
 * @returns {any}
 */
export const part = (id) => document.getElementById(id);

/**
 * A new element with text, never with markup.
 * @param {string} tag
 * @param {string} [text]
 * @param {(Node | string)[]} inside
 * @returns {any}
 */
export function item(tag, text = "", ...inside) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  element.append(...inside);
  return element;
}

/** @param {string} text @param {() => void} act */
export function pushButton(text, act) {
  const button = item("button", text);
  button.type = "button";
  button.addEventListener("click", act);
  return button;
}
