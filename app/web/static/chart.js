// The large chart: stacked bars by time, a mark where each release appeared, the incomplete part hatched.
"use strict";
(() => {
  const box = document.querySelector("#chart");
  if (!box || !window.uPlot) return;
  const legend = document.querySelector("#legend");
  const colours = ["c1", "c2", "c3", "c4", "c5", "c6"];
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  const probe = document.createElement("span");
  probe.hidden = true;
  box.append(probe, tip);
  const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
  const whole = new Intl.NumberFormat();
  const at = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
  const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
  const utc = (ms) => `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  // The reader's own format: the day where a tick begins one, else the time.
  const ticks = (_, splits, __, ___, step) => splits.map((tick, place) => {
    const date = new Date(tick * 1000), begins = date.getHours() === 0 && date.getMinutes() === 0;
    if (step >= 86400 || begins) return day.format(date);
    return place === 0 ? `${hour.format(date)}\n${day.format(date)}` : hour.format(date);
  });
  let plot = null, data = null, shape = "";

  const colour = (name) => { probe.className = name; return getComputedStyle(probe).color; };
  const variable = (name) => { probe.className = ""; probe.style.color = `var(${name})`; const value = getComputedStyle(probe).color; probe.style.color = ""; return value; };
  const colourClass = (place, name) => (name === "other" ? "c6" : colours[place % 5]);

  function address() {
    const url = new URL(box.dataset.chart, location.href);
    for (const [name, value] of new URLSearchParams(location.search))
      if (["range", "from", "to", "release", "environment", "by"].includes(name)) url.searchParams.set(name, value);
    return url;
  }
  async function load() {
    let answer;
    try { answer = await fetch(address()); } catch { return; }
    if (!answer.ok) return;
    data = await answer.json();
    const names = JSON.stringify([data.series.map((part) => part.name), data.size]);
    if (plot && names === shape) { plot.setData(columns()); }
    else { shape = names; draw(); }
    drawLegend();
    const late = document.querySelector("#chart-late");
    if (late) late.textContent = data.late ? `${whole.format(data.late)} late events are in the numbers but not in the chart: they arrived after windows of this size were closed.` : "";
  }
  function columns() {
    const times = data.total.map((_, place) => data.start + place * data.size);
    const sums = new Array(times.length).fill(0);
    const stacked = data.series.map((part) => part.values.map((value, place) => (sums[place] += value)));
    return [times, ...stacked.reverse()];
  }
  function drawLegend() {
    legend.replaceChildren(...data.series.map((part, place) => legendItem(part, place, part.values.reduce((a, b) => a + b, 0))));
  }
  function legendItem(part, place, value) {
    const li = document.createElement("li"), swatch = document.createElement("i"), name = document.createElement("span"), number = document.createElement("b");
    swatch.className = `swatch ${colourClass(place, part.name)}`;
    name.textContent = name.title = part.name;
    number.textContent = value < 10000 ? whole.format(value) : short.format(value);
    li.append(swatch, name, number);
    return li;
  }
  function draw() {
    plot?.destroy();
    const size = { width: box.clientWidth, height: box.clientHeight };
    const series = data.series.map((part, place) => ({ label: part.name, fill: colour(colourClass(place, part.name)), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.85, 60], align: 1 }) })).reverse();
    const axis = { stroke: variable("--quiet"), grid: { stroke: variable("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    plot = new uPlot({
      ...size, legend: { show: false }, padding: [16, 28, 0, 0],
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
      scales: { x: { time: true, range: () => [data.start, data.start + data.total.length * data.size] }, y: { range: (_, low, high) => [0, Math.max(high * 1.1, 1)] } },
      axes: [{ ...axis, grid: { show: false }, space: 64, size: 46, values: ticks }, { ...axis, size: 44, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? short.format(tick) : "")) }],
      series: [{}, ...series],
      hooks: { draw: [hatch, marks], setSelect: [select], setCursor: [hover] },
    }, columns(), box);
  }
  function hatch(u) {
    const from = Math.max((data.complete ?? Date.now()) / 1000, data.start), to = data.start + data.total.length * data.size;
    if (from >= to) return;
    const { ctx, bbox } = u, left = u.valToPos(from, "x", true), right = u.valToPos(to, "x", true);
    if (right - left < 1) return;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, bbox.top, right - left, bbox.height);
    ctx.clip();
    ctx.strokeStyle = variable("--line-strong");
    ctx.globalAlpha = 0.45;
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    for (let x = left - bbox.height; x < right; x += 9 * devicePixelRatio) { ctx.moveTo(x, bbox.top + bbox.height); ctx.lineTo(x + bbox.height, bbox.top); }
    ctx.stroke();
    ctx.restore();
  }
  function marks(u) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = variable("--quiet");
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
    let free = -Infinity;
    for (const mark of data.marks) {
      const x = u.valToPos(mark.time, "x", true);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const width = ctx.measureText(mark.name).width, left = Math.min(x, bbox.left + bbox.width - width);
      if (left > free) { ctx.fillText(mark.name, left, bbox.top - 4 * devicePixelRatio); free = left + width + 8; }
    }
    ctx.restore();
  }
  function select(u) {
    if (u.select.width < 6) return;
    const from = u.posToVal(u.select.left, "x"), to = u.posToVal(u.select.left + u.select.width, "x");
    const url = new URL(location.href), step = data.size;
    url.searchParams.delete("range");
    url.searchParams.delete("cursor");
    url.searchParams.set("from", new Date(Math.floor(from / step) * step * 1000).toISOString());
    url.searchParams.set("to", new Date(Math.ceil(to / step) * step * 1000).toISOString());
    location.href = url;
  }
  function hover(u) {
    const place = u.cursor.idx, left = u.cursor.left;
    if (place == null || left < 0) { tip.hidden = true; return; }
    const head = document.createElement("p"), list = document.createElement("ul");
    const slot = Math.min(Math.max(Math.floor((u.posToVal(left, "x") - data.start) / data.size), 0), data.total.length - 1);
    head.textContent = `${at.format((data.start + slot * data.size) * 1000)} · ${whole.format(data.total[slot])} ${box.dataset.unit || "crashes"}`;
    list.append(...data.series.map((part, index) => [part, index]).filter(([part]) => part.values[slot]).map(([part, index]) => legendItem(part, index, part.values[slot])));
    const inUtc = document.createElement("p");
    inUtc.className = "quiet";
    inUtc.textContent = utc((data.start + slot * data.size) * 1000);
    tip.replaceChildren(head, inUtc, list);
    tip.hidden = false;
    const x = left + 60;
    tip.style.left = `${Math.min(x, box.clientWidth - tip.offsetWidth - 4)}px`;
    tip.style.top = "20px";
  }
  box.addEventListener("mouseleave", () => { tip.hidden = true; });
  document.addEventListener("faultline:changed", load);
  document.addEventListener("faultline:theme", () => { if (data) draw(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (data) draw(); });
  new ResizeObserver(() => { if (plot) plot.setSize({ width: box.clientWidth, height: box.clientHeight }); }).observe(box);
  load();
})();
