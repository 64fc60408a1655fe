"""Charts as Vega-Lite specifications with their data inline: drawn by the browser, and by vl-convert where there are few."""
