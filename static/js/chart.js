// Draws Chart.js charts in the portal's colours. The figures stand in the page:
//   <div class="chart"><canvas data-chart="bar" data-source="chart-data" role="img" aria-label="…"></canvas></div>
//   {{ data|json_script:"chart-data" }}  with  {"labels": […], "series": [{"label": "Spent", "tone": "spent", "values": […]}],
//                                                "stacked": true, "horizontal": true, "unit": "EUR"}
// or data-source names a <table>: first column = labels, header = series, cells carry data-value.
(() => {
  const TONES = ["accent", "good-full", "wait-full", "info-full", "bad-full", "plain-full"];
  const charts = [];

  function color(token) {
    const probe = document.createElement("i");
    document.body.append(probe);
    probe.style.color = `var(--${token})`;
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }

  function fromTable(table) {
    const heads = [...table.querySelectorAll("thead th")].slice(1);
    const rows = [...table.querySelectorAll("tbody tr")];
    return {
      labels: rows.map((row) => row.cells[0].textContent.trim()),
      series: heads.map((head, at) => ({
        label: head.textContent.trim(),
        tone: head.dataset.tone,
        values: rows.map((row) => Number(row.cells[at + 1].dataset.value)),
      })),
      ...table.dataset,
    };
  }

  function read(id) {
    const source = document.getElementById(id);
    return source.tagName === "TABLE" ? fromTable(source) : JSON.parse(source.textContent);
  }

  function number(value, unit) {
    const text = Number(value).toLocaleString("en", { maximumFractionDigits: 2 });
    return unit ? `${text} ${unit}` : text;
  }

  function datasets(kind, data) {
    return data.series.map((series, at) => {
      const tone = color(series.tone || TONES[at % TONES.length]);
      return {
        label: series.label,
        data: series.values,
        backgroundColor: tone,
        borderColor: tone,
        borderWidth: kind === "line" ? 2 : 0,
        borderRadius: 3,
        borderDash: series.dashed ? [5, 4] : [],
        maxBarThickness: 30,
        pointRadius: 0,
        pointHitRadius: 12,
        pointStyle: kind === "line" ? "line" : "rect",
        stepped: Boolean(series.stepped),
        cubicInterpolationMode: "monotone",
      };
    });
  }

  function options(kind, data) {
    const text = color("ink-3");
    const font = { family: getComputedStyle(document.body).fontFamily, size: 11 };
    const stacked = data.stacked === true || data.stacked === "true";
    const values = {
      stacked,
      beginAtZero: true,
      border: { display: false },
      grid: { color: color("line"), drawTicks: false },
      ticks: { color: text, font, padding: 8, maxTicksLimit: 6, callback: (value) => Number(value).toLocaleString("en", { notation: "compact" }) },
    };
    const lying = data.horizontal === true || data.horizontal === "true";
    const names = { stacked, border: { color: color("line") }, grid: { display: false }, ticks: { color: text, font, maxRotation: 0, autoSkip: !lying, autoSkipPadding: 12 } };
    return {
      animation: false,
      maintainAspectRatio: false,
      indexAxis: lying ? "y" : "x",
      interaction: { mode: "index", intersect: false },
      scales: lying ? { x: values, y: names } : { x: names, y: values },
      plugins: {
        legend: { position: "bottom", align: "start", labels: { color: color("ink-2"), font: { ...font, size: 12 }, boxWidth: 10, boxHeight: 10, padding: 16, usePointStyle: kind === "line", pointStyleWidth: 22 } },
        tooltip: {
          backgroundColor: color("raised"), titleColor: color("ink"), bodyColor: color("ink-2"), borderColor: color("line"), borderWidth: 1,
          padding: 10, titleFont: font, bodyFont: { ...font, size: 12 }, boxPadding: 4,
          callbacks: { label: (item) => ` ${item.dataset.label}: ${number(item.raw, data.unit)}` },
        },
      },
    };
  }

  function draw() {
    charts.splice(0).forEach((chart) => chart.destroy());
    document.querySelectorAll("canvas[data-chart]").forEach((canvas) => {
      const data = read(canvas.dataset.source);
      const kind = canvas.dataset.chart;
      charts.push(new window.Chart(canvas, { type: kind, data: { labels: data.labels, datasets: datasets(kind, data) }, options: options(kind, data) }));
    });
  }

  draw();
  document.addEventListener("theme:changed", draw);
  document.addEventListener("htmx:afterSettle", (event) => { if (event.target.querySelector?.("canvas[data-chart]")) draw(); });
  ["(prefers-color-scheme: dark)", "print"].forEach((query) => window.matchMedia(query).addEventListener("change", draw));
})();
