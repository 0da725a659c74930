// Runs before the page is drawn, so that a dark room stays dark.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("pacbed-theme");
  } catch {
    // Without storage the system's setting counts.
  }
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
