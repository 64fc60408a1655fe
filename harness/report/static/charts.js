// Charts: drawn when they come near the screen, or when there is nothing else to do; nothing is ever fetched.
(() => {
  "use strict";
  const NEAR = "400px";
  const views = new Map();
  const refuse = () => Promise.reject(new Error("a report loads nothing"));
  const loader = { load: refuse, sanitize: refuse, http: refuse, file: refuse };
  const GRAMMAR = "https://vega.github.io/schema/vega-lite/v6.json";  // a name, never fetched
  const quiet = () => ({ level() { return this; }, error: console.error, warn() { return this; }, info() { return this; }, debug() { return this; } });
  const OPTIONS = { actions: false, renderer: "svg", loader, loggerFactory: quiet };
  const SAVED_WIDTH = 560;
  const specOf = (figure) => JSON.parse(figure.querySelector("script.spec").textContent);

  // Only one drawing can take a width from the page; several side by side keep their own, and are scaled down where they are too wide.
  function sized(spec, width) {
    const single = "layer" in spec || ("mark" in spec && !["row", "column", "facet"].some((channel) => channel in (spec.encoding ?? {})));
    const fitted = single ? { width, autosize: { type: "fit-x", contains: "padding" } } : {};
    return { ...spec, $schema: GRAMMAR, usermeta: {}, ...fitted };  // usermeta could hold options of its own
  }

  // Colours of the page, and as many columns in the legend as fit.
  function configFor(spec, dark, width) {
    const config = window.harnessChartConfig[dark ? "dark" : "light"];
    const columns = Math.max(1, Math.floor(width / (spec.usermeta?.legendWidth ?? 150)));
    return { ...config, legend: { ...config.legend, columns } };
  }

  async function draw(figure) {
    const canvas = figure.querySelector(".canvas");
    if (!canvas.clientWidth) return;  // its place is not shown now
    views.get(figure)?.finalize();
    try {
      const spec = specOf(figure);
      const config = configFor(spec, window.harnessIsDark(), canvas.clientWidth);
      const result = await vegaEmbed(canvas, sized(spec, "container"), { ...OPTIONS, config });
      canvas.querySelector("svg")?.setAttribute("aria-hidden", "true");  // the canvas itself says in words what is drawn
      views.set(figure, result);
      figure.dataset.drawn = "true";
    } catch (error) {
      canvas.textContent = `This chart could not be drawn: ${error.message}`;
      figure.dataset.drawn = "failed";
    }
  }

  function save(name, text, type) {
    const address = URL.createObjectURL(new Blob([text], { type }));
    const link = Object.assign(document.createElement("a"), { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  }

  // The saved picture is always the light one, on white: it goes into documents.
  async function svgOf(figure) {
    const spec = sized(specOf(figure), SAVED_WIDTH);
    const aside = Object.assign(document.createElement("div"), { className: "sr" });
    document.body.append(aside);
    try {
      const config = { ...configFor(spec, false, SAVED_WIDTH), background: "white" };
      const result = await vegaEmbed(aside, spec, { ...OPTIONS, config });
      const svg = await result.view.toSVG();
      result.finalize();
      return svg;
    } finally {
      aside.remove();
    }
  }

  function csvOf(figure) {
    const spec = specOf(figure);
    const rows = spec.data?.values ?? [];
    const fields = JSON.parse(figure.dataset.fields);
    const names = Object.keys(fields).length ? Object.keys(fields) : [...new Set(rows.flatMap(Object.keys))];
    const quote = (value) => (value === null || value === undefined ? "" : /[",\n]/.test(String(value)) ? `"${String(value).replace(/"/g, '""')}"` : /^[=+@]/.test(String(value)) ? `'${value}` : String(value));
    return [names.map((n) => quote(fields[n] ?? n)), ...rows.map((row) => names.map((n) => quote(row[n])))].map((r) => r.join(",")).join("\n");
  }

  const WRITERS = {
    SVG: async (figure) => save(`${figure.id}.svg`, await svgOf(figure), "image/svg+xml"),
    CSV: async (figure) => save(`${figure.id}.csv`, csvOf(figure), "text/csv"),
    JSON: async (figure) => save(`${figure.id}.json`, JSON.stringify(specOf(figure), null, 1), "application/json"),
  };

  function tools(figure) {
    const row = figure.querySelector(".tools");
    const title = figure.dataset.title;
    row.replaceChildren(...Object.entries(WRITERS).map(([name, write]) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
      button.setAttribute("aria-label", `Save ${title} as ${name}`);
      button.addEventListener("click", () => write(figure));
      return button;
    }));
  }

  // Charts of several places: one place at a time.
  function wirePlaces() {
    for (const area of document.querySelectorAll("[data-places]")) {
      const groups = [...area.querySelectorAll("[data-place]")];
      if (groups.length < 2) continue;
      const row = Object.assign(document.createElement("div"), { className: "switch" });
      row.setAttribute("role", "group");
      row.setAttribute("aria-label", "Charts measured on");
      const choose = (chosen) => groups.forEach((group, i) => {
        group.hidden = group !== chosen;
        row.children[i].setAttribute("aria-pressed", String(group === chosen));
        if (group === chosen) group.querySelectorAll("figure.chart:not([data-drawn])").forEach((figure) => near.observe(figure));
      });
      for (const group of groups) {
        const button = Object.assign(document.createElement("button"), { type: "button", textContent: group.dataset.label });
        button.addEventListener("click", () => choose(group));
        row.append(button);
        group.querySelector(".place-name").hidden = true;
      }
      area.prepend(row);
      choose(groups[0]);
    }
  }

  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      near.unobserve(entry.target);
      if (!entry.target.dataset.drawn) draw(entry.target);
    }
  }, { rootMargin: NEAR });

  const figures = [...document.querySelectorAll("figure.chart")];
  figures.forEach((figure) => { tools(figure); near.observe(figure); });
  wirePlaces();

  const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 50));
  const drawRest = async () => {
    const next = figures.find((figure) => !figure.dataset.drawn && figure.querySelector(".canvas").clientWidth);
    if (!next) { document.documentElement.dataset.charts = "ready"; return; }
    near.unobserve(next);
    await draw(next);
    idle(drawRest);
  };
  idle(drawRest);

  document.addEventListener("harness-theme", () => figures.filter((f) => f.dataset.drawn === "true").forEach(draw));
})();
