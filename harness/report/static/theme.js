// Light and dark: the system's choice until the reader makes one. Loaded before the page is drawn, so that it does not flash.
(() => {
  "use strict";
  const KEY = "harness-theme";
  const root = document.documentElement;
  const remembered = (() => { try { return localStorage.getItem(KEY); } catch { return null; } })();
  if (remembered === "light" || remembered === "dark") root.dataset.theme = remembered;

  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const tell = () => document.dispatchEvent(new CustomEvent("harness-theme", { detail: { dark: isDark() } }));
  system.addEventListener("change", tell);
  window.harnessIsDark = isDark;

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const name = () => { button.textContent = isDark() ? "Light" : "Dark"; button.setAttribute("aria-label", `Use ${isDark() ? "light" : "dark"} colours`); };
    button.hidden = false;
    name();
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      try { localStorage.setItem(KEY, root.dataset.theme); } catch { /* private windows keep nothing */ }
      name();
      tell();
    });
    system.addEventListener("change", name);
  });
})();
