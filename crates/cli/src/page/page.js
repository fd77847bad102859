"use strict";
// Draws the charts that the page brings along; it asks nobody for anything.
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const colours = ["#2f6fde", "#d9822b", "#8a4fd0", "#1f9d61", "#cf3f5b", "#5f7285"];
  const drawn = [];
  const show = (unit) => (value) => value == null ? "–" : Number(value.toPrecision(3)).toLocaleString("en") + " " + unit;
  const draw = () => {
    drawn.splice(0).forEach((chart) => chart.destroy());
    const style = getComputedStyle(document.documentElement);
    const [ink, edge] = ["--faint", "--edge"].map((name) => style.getPropertyValue(name).trim());
    document.querySelectorAll("[data-chart]").forEach((place) => {
      const { x, lines, unit, x_unit, scale } = charts[Number(place.dataset.chart)];
      const axis = { stroke: ink, grid: { stroke: edge, width: 1 }, ticks: { stroke: edge, width: 1 } };
      const positive = (values) => scale === "log" ? values.map((value) => value > 0 ? value : null) : values;
      const options = {
        width: place.clientWidth,
        height: 240,
        scales: { x: { time: false }, y: scale === "log" ? { distr: 3 } : { range: (_, least, most) => [Math.min(0, least), (most || 1) * 1.08] } },
        axes: [{ ...axis, values: (_, ticks) => ticks.map((tick) => tick + (x_unit.length < 3 ? x_unit : "")) }, { ...axis, size: 68, values: (_, ticks) => ticks.map((tick) => tick == null ? "" : Number(tick.toPrecision(3)).toLocaleString("en")) }],
        series: [{ label: x_unit, value: (_, at) => at == null ? "–" : Number(at.toPrecision(4)).toString() }].concat(lines.map(({ label }, nth) => ({
          label, stroke: colours[nth % colours.length], width: 2, spanGaps: false, points: { show: x.length < 40, size: 5 }, value: (_, value) => show(unit)(value),
        }))),
      };
      drawn.push(new uPlot(options, [x, ...lines.map(({ values }) => positive(values))], place));
    });
    document.body.dataset.charts = String(drawn.length);
  };
  draw();
  let waiting;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(draw, 100); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
