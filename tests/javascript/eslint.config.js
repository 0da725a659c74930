import js from "@eslint/js";

const names = [
  "AbortController", "AbortSignal", "Blob", "DataView", "Event", "EventSource", "File", "FormData", "ImageData",
  "OffscreenCanvas", "ResizeObserver", "URL", "URLSearchParams", "XMLHttpRequest", "DataTransfer",
  "addEventListener", "atob", "clearTimeout", "confirm", "crypto", "devicePixelRatio", "dispatchEvent",
  "document", "fetch", "getComputedStyle", "indexedDB", "localStorage", "location", "matchMedia", "navigator",
  "performance", "print", "sessionStorage", "setTimeout", "uPlot",
];

export default [
  { ignores: ["**/vendor/**"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, globals: Object.fromEntries(names.map((name) => [name, "readonly"])) },
    rules: {
      eqeqeq: "error", "no-var": "error", "prefer-const": "error", "no-eval": "error", "no-implied-eval": "error",
      "no-unused-vars": ["error", { ignoreRestSiblings: true }], "max-lines": ["error", 300],
      "max-lines-per-function": ["error", 60],
    },
  },
];
