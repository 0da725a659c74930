/** Elements of drawings. */

const SPACE = "http://www.w3.org/2000/svg";

/** @param {string} tag @param {object} attributes @param {(Node | string)[]} inside */
export function shape(tag, attributes, ...inside) {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...inside);
  return element;
}
