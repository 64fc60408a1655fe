// Tables: sorting with missing figures last, filters, a column chooser, ratios, and copying. Without JavaScript every row and column is there.
(() => {
  "use strict";
  const { DataTable } = window.harnessTables;
  const PAGE_LENGTH = 100;
  const make = (tag, attributes = {}, text = "") => Object.assign(document.createElement(tag), attributes, text ? { textContent: text } : {});

  // A figure that is missing stays last, whichever way the column is sorted.
  const figureOrder = (sign) => (a, b) => (a === null) - (b === null) || (a === null ? 0 : sign * (a - b));
  DataTable.type("figure", {
    detect: () => false,
    order: { pre: (text) => (text === "" || text == null ? null : Number(text)), asc: figureOrder(1), desc: figureOrder(-1) },
  });

  // Headings of columns, left to right: those that span both rows of a heading come first.
  function headsOf(table) {
    const [first, second] = table.tHead.rows;
    return second ? [...first.querySelectorAll("th[rowspan]"), ...second.cells] : [...first.cells];
  }

  function optionsFor(table, heads) {
    const where = (holds) => heads.flatMap((head, i) => (holds(head) ? [i] : []));
    return {
      paging: table.tBodies[0].rows.length > PAGE_LENGTH && table.hasAttribute("data-paged"),
      pageLength: PAGE_LENGTH,
      lengthChange: false,
      autoWidth: false,
      order: [],
      orderMulti: false,
      columnDefs: [
        { targets: where((head) => head.classList.contains("fig")), type: "figure", searchable: false },
        { targets: where((head) => head.hasAttribute("data-plain")), orderable: false },
      ],
      layout: { topStart: null, topEnd: null, bottomStart: table.hasAttribute("data-paged") ? "info" : null, bottomEnd: "paging" },
      language: { info: "_TOTAL_ rows", infoFiltered: "of _MAX_", infoEmpty: "no rows", emptyTable: "nothing here", zeroRecords: "no row matches" },
    };
  }

  function wireFilters(block, table, api) {
    const selects = [...block.querySelectorAll("select[data-filter]")];
    const search = block.querySelector("input[type=search]");
    const node = table;
    DataTable.ext.search.push((settings, _text, index) => {
      if (settings.nTable !== node) return true;
      const row = settings.aoData[index].nTr;
      return selects.every((select) => !select.value || row.dataset[select.dataset.filter] === select.value);
    });
    const asked = new URLSearchParams(location.hash.slice(1));
    for (const select of selects) {
      const value = asked.get(select.dataset.filter);
      if (value !== null && [...select.options].some((o) => o.value === value)) select.value = value;
      select.addEventListener("change", () => api.draw());
    }
    search?.addEventListener("input", () => api.search(search.value).draw());
    window.addEventListener("hashchange", () => {
      const now = new URLSearchParams(location.hash.slice(1));
      for (const select of selects) if (now.has(select.dataset.filter)) select.value = now.get(select.dataset.filter);
      api.draw();
    });
    api.draw();
  }

  function wireColumns(menu, heads, api) {
    const panel = menu.querySelector("div");
    const boxes = [];
    const groups = new Map();
    heads.forEach((head, index) => {
      if (!head.classList.contains("fig")) return;
      if (!groups.has(head.dataset.group)) {
        const fieldset = make("fieldset");
        fieldset.append(make("legend", {}, head.dataset.group));
        groups.set(head.dataset.group, fieldset);
      }
      const label = make("label");
      const box = make("input", { type: "checkbox", checked: head.hasAttribute("data-primary") });
      label.append(box, head.dataset.label);
      box.addEventListener("change", () => api.column(index).visible(box.checked));
      groups.get(head.dataset.group).append(label);
      boxes.push({ box, index });
    });
    const set = (wanted) => {
      for (const { box, index } of boxes) { box.checked = wanted(heads[index]); api.column(index).visible(box.checked, false); }
      api.columns.adjust().draw(false);
    };
    const row = make("div");
    for (const [name, wanted] of [["Headline", (h) => h.hasAttribute("data-primary")], ["All", () => true]]) {
      const button = make("button", { type: "button" }, name);
      button.addEventListener("click", () => set(wanted));
      row.append(button, " ");
    }
    panel.append(row, ...groups.values());
    set((h) => h.hasAttribute("data-primary"));
  }

  function wireRatios(block, table, api) {
    const button = block.querySelector("[data-ratios]");
    button?.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      table.classList.toggle("show-ratios", on);
      for (const cell of api.cells().nodes().toArray()) {
        if (!cell.classList.contains("fig")) continue;
        if (cell.dataset.value === undefined) cell.dataset.value = cell.dataset.order;
        cell.dataset.order = on ? (cell.dataset.ratio ?? "") : cell.dataset.value;
      }
      api.rows().invalidate("dom").draw();
    });
    const intervals = block.querySelector("[data-intervals]");
    intervals?.addEventListener("click", () => {
      const on = intervals.getAttribute("aria-pressed") !== "true";
      intervals.setAttribute("aria-pressed", String(on));
      table.classList.toggle("hide-intervals", !on);
    });
  }

  const PROVENANCE = { counted: "#", estimated: "≈", modelled: "◇" };

  // What a cell says, in the mode that the table is in: text, interval, whether it is best.
  function reading(cell, ratios) {
    const part = cell.querySelector(ratios ? ".r" : ".v") ?? cell;
    const copy = part.cloneNode(true);
    const interval = copy.querySelector(".ci")?.textContent.trim() ?? "";
    copy.querySelectorAll(".ci, .sr, .mark").forEach((extra) => extra.remove());
    const sign = PROVENANCE[cell.dataset.p] ?? "";
    return { text: sign + copy.textContent.replace(/\s+/g, " ").trim(), interval, best: !ratios && !!part.querySelector("b") };
  }

  function gather(table, api) {
    const ratios = table.classList.contains("show-ratios");
    const spread = !table.classList.contains("hide-intervals");
    const heads = api.columns(":visible").header().toArray();
    const titles = heads.map((head) => {
      if (!head.classList.contains("fig")) return { label: head.dataset.label, figure: false };
      const group = head.dataset.group === head.dataset.section ? "" : `${head.dataset.group}: `;
      const unit = ratios ? head.dataset.ratio : head.dataset.unit;
      return { label: `${group}${head.dataset.label}`, unit, stored: ratios ? head.dataset.ratio : head.dataset.stored, figure: true };
    });
    const rows = api.rows({ search: "applied", order: "applied" }).nodes().toArray();
    const cells = rows.map((row) => [...row.cells].map((cell) => ({ ...reading(cell, ratios), cell, spread })));
    return { titles, cells, ratios };
  }

  const withUnit = (title, unit) => (unit ? `${title.label} (${unit})` : title.label);
  const WRITERS = {
    Markdown({ titles, cells }) {
      const clean = (text) => text.replace(/[\\|<>*_`[\]]/g, "\\$&");
      const line = (parts) => `| ${parts.join(" | ")} |`;
      const body = cells.map((row) => line(row.map(({ text, interval, best, spread }) => {
        const shown = clean(text) + (spread && interval ? ` (${clean(interval)})` : "");
        return best ? `**${shown}**` : shown;
      })));
      return [line(titles.map((t) => clean(withUnit(t, t.unit)))), line(titles.map((t) => (t.figure ? "---:" : "---"))), ...body].join("\n");
    },
    LaTeX({ titles, cells }) {
      const SIGNS = { "×": "$\\times$", "−": "$-$", "–": "--", "≈": "$\\approx$", "◇": "$\\diamond$", "µ": "\\textmu{}", "↓": "$\\downarrow$", "↑": "$\\uparrow$", "▲": "$\\blacktriangle$", "▼": "$\\blacktriangledown$", "◆": "$\\blacklozenge$", "±": "$\\pm$", "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}" };
      const POWERS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
      const clean = (text) => text.replace(/10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/g, (_, power) => `10\u0000${[...power].map((c) => (c === "⁻" ? "-" : POWERS.indexOf(c))).join("")}\u0001`)
        .replace(/[\\~^×−–≈◇µ↓↑▲▼◆±]|[&%$#_{}]/g, (sign) => SIGNS[sign] ?? `\\${sign}`).replace(/\u0000/g, "$^{").replace(/\u0001/g, "}$");
      const body = cells.map((row) => row.map(({ text, interval, best, spread }) => {
        const shown = clean(text) + (spread && interval ? ` {\\footnotesize ${clean(interval)}}` : "");
        return best ? `\\textbf{${shown}}` : shown;
      }).join(" & ") + " \\\\");
      const head = titles.map((t) => clean(withUnit(t, t.unit))).join(" & ") + " \\\\";
      return [`\\begin{tabular}{${titles.map((t) => (t.figure ? "r" : "l")).join("")}}`, "\\toprule", head, "\\midrule", ...body, "\\bottomrule", "\\end{tabular}"].join("\n");
    },
    CSV({ titles, cells, ratios }) {
      const quote = (text) => (/[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : /^[=+@]/.test(text) ? `'${text}` : text);
      const head = titles.flatMap((t) => (t.figure ? [withUnit(t, t.stored), ...(ratios ? [] : [`${t.label} low`, `${t.label} high`, `${t.label} provenance`])] : [t.label]));
      const body = cells.map((row) => row.flatMap(({ text, cell }, i) => {
        if (!titles[i].figure) return [text];
        const value = cell.dataset.value ?? cell.dataset.order;
        const [low = "", high = ""] = cell.dataset.ci === "exact" ? [value, value] : (cell.dataset.ci ?? "").split(" ");
        return ratios ? [cell.dataset.ratio ?? ""] : [value, low, high, value === "" ? "" : (cell.dataset.p ?? "measured")];
      }));
      return [head, ...body].map((row) => row.map((part) => quote(String(part))).join(",")).join("\n");
    },
  };

  async function toClipboard(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = make("textarea", { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  }

  function wireCopy(block, table, api) {
    const menu = block.querySelector("[data-copy]");
    if (!menu) return;
    const status = block.querySelector(".status");
    for (const [name, write] of Object.entries(WRITERS)) {
      const button = make("button", { type: "button" }, name);
      button.addEventListener("click", async () => {
        const found = gather(table, api);
        const text = write(found);
        block.dataset.copied = text;
        await toClipboard(text);
        menu.open = false;
        status.textContent = `Copied ${found.cells.length} rows as ${name}.`;
      });
      menu.querySelector("div").append(button);
    }
  }

  // Every digit of a figure, when it is pointed at.
  function wireHover(table, heads, api) {
    table.addEventListener("mouseover", (event) => {
      const cell = event.target.closest("td.fig[data-n]");
      if (!cell || cell.title) return;
      const value = cell.dataset.value ?? cell.dataset.order;
      const head = heads[api.cell(cell).index().column];
      const unit = head.dataset.stored ? ` ${head.dataset.stored}` : "";
      const spread = { "": "no interval", exact: "exact" }[cell.dataset.ci ?? ""] ?? `95% interval ${cell.dataset.ci.replace(" ", " to ")}`;
      const ratio = cell.dataset.ratio ? `; ${cell.dataset.ratio} relative to the baseline, ${"paired" in cell.dataset ? "interleaved in one process" : "from two separate figures"}` : "";
      cell.title = `${value}${unit}, ${spread} (n = ${cell.dataset.n}), ${cell.dataset.p ?? "measured"}${ratio}`;
    });
  }

  function start(block) {
    const table = block.querySelector("table");
    const heads = headsOf(table);
    const api = new DataTable(table, optionsFor(table, heads));
    api.on("order", () => table.classList.toggle("sorted", api.order().length > 0));
    const columns = block.querySelector("[data-columns]");
    if (columns) wireColumns(columns, heads, api);
    wireFilters(block, table, api);
    wireRatios(block, table, api);
    wireCopy(block, table, api);
    wireHover(table, heads, api);
    block.querySelector(".toolbar")?.removeAttribute("hidden");
  }

  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) { menu.open = false; menu.querySelector("summary").focus(); }
  });

  document.querySelectorAll("[data-table]").forEach(start);
  document.documentElement.dataset.tables = "ready";
})();
