/** The button between light and dark; `theme.js` applies the choice before anything is drawn. */

import { part } from "./dom.js";

export function connectTheme() {
  const root = document.documentElement;
  const button = part("theme");
  const label = () => { button.textContent = root.dataset.theme === "dark" ? "Light" : "Dark"; };
  button.addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("pacbed-theme", root.dataset.theme);
    } catch {
      // Then the choice lasts for this visit.
    }
    label();
    dispatchEvent(new Event("pacbed-theme"));
  });
  label();
}
