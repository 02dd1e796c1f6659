// Behaviour of the pages: times in the reader's zone, keyboard shortcuts, copying, live numbers that never move a row.
"use strict";
const first = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const announce = (text) => { first("#announcement").textContent = text; };

// Times
const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
function ago(ms) {
  const seconds = Math.floor((Date.now() - ms) / 1000);
  if (seconds < 5) return "just now";
  const [size, unit] = UNITS.find(([size]) => seconds >= size);
  return `${Math.floor(seconds / size)} ${unit} ago`;
}
// All times are in the reader's zone and format; the title has the UTC that the server wrote.
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const FORMATS = {
  minute: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }),
  clock: new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }),
  hm: new Intl.DateTimeFormat(undefined, { timeStyle: "short" }),
  day: new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }),
  short: new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }),
  exact,
};
const clock = FORMATS.clock;
const utc = (ms) => `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
function times(root = document) {
  for (const time of all("time[datetime]", root)) {
    const ms = Date.parse(time.dateTime);
    if (Number.isNaN(ms)) continue;
    time.title = `${exact.format(ms)} · ${utc(ms)}`;
    const name = Object.keys(FORMATS).find((name) => time.classList.contains(name));
    if (name) time.textContent = FORMATS[name].format(ms);
    else if (/ago$|^just now$/.test(time.textContent)) time.textContent = ago(ms);
  }
  for (const title of all("title[data-from]", root)) {
    const { events, from, to } = title.dataset;
    title.textContent = `${events} from ${FORMATS.short.format(Date.parse(from))} to ${FORMATS.short.format(Date.parse(to))}`;
  }
}
times();
setInterval(times, 10000);

// Theme
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-switch]")) return;
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  document.dispatchEvent(new Event("faultline:theme"));
});

// Buttons that copy, confirmations, forms that submit on change, filters of tables
async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const before = button.textContent;
  button.textContent = "Copied";
  announce("Copied");
  setTimeout(() => { button.textContent = before; }, 1500);
}
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.copy) copy(button, first(`#${button.dataset.copy}`).textContent);
  if (button.dataset.copyFrom) copy(button, await (await fetch(button.dataset.copyFrom)).text());
  if (button.dataset.confirm && !confirm(button.dataset.confirm)) event.preventDefault();
  if ("help" in button.dataset) first("#help").showModal();
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});
document.addEventListener("input", (event) => {
  const name = event.target.dataset.filter;
  if (!name) return;
  const text = event.target.value.toLowerCase();
  const list = first(`#${name}`);
  for (const row of list.rows ?? all("[data-item]", list)) row.hidden = !row.textContent.toLowerCase().includes(text);
});
document.addEventListener("click", (event) => {
  for (const menu of all("details.switch[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// Completes the last word of a query with field names and with values of recent events.
for (const input of all("input[data-complete]")) {
  const list = first(`#${input.getAttribute("list")}`);
  const candidates = [...list.options].map((option) => option.value);
  const load = async () => {
    try {
      const answer = await fetch(input.dataset.complete);
      if (answer.ok) candidates.push(...await answer.json());
    } catch { /* field names still complete */ }
  };
  if (document.activeElement === input) load();
  else input.addEventListener("focus", load, { once: true });
  input.addEventListener("input", () => {
    const last = /(?:[^\s":]+:)?(?:"[^"]*|[^\s"]*)$/.exec(input.value)[0], before = input.value.slice(0, input.value.length - last.length);
    const sign = last.startsWith("-") ? "-" : "", prefix = last.slice(sign.length).replaceAll('"', "").toLowerCase();
    const matches = prefix ? candidates.filter((candidate) => candidate.replaceAll('"', "").toLowerCase().startsWith(prefix)).slice(0, 20) : [];
    list.replaceChildren(...matches.map((match) => { const option = document.createElement("option"); option.value = before + sign + match; return option; }));
  });
}

// Keyboard shortcuts
let pressedG = 0;
function move(step) {
  const rows = all("[data-row]");
  if (!rows.length) return;
  const now = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[Math.min(Math.max(now + step, 0), rows.length - 1)];
  first("a", next).focus();
}
const KEYS = {
  "/": () => (first("#find") || first("main input[type=search]"))?.focus(),
  j: () => move(1),
  k: () => move(-1),
  o: () => document.activeElement.closest("[data-row]") && first("a", document.activeElement.closest("[data-row]")).click(),
  r: () => setStatus("resolved", "r"),
  i: () => setStatus("ignored", "i"),
  "?": () => first("#help")?.showModal(),
};
// On a group's page presses its button; in a list selects the focused row and presses the button of the selection.
function setStatus(status, key) {
  const button = first(`button[data-key=${key}]`);
  if (button) return button.click();
  const row = document.activeElement.closest("tr[data-key]");
  if (!row) return;
  first("input[type=checkbox]", row).checked = true;
  first(`.bulk button[value=${status}]`).click();
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || first("dialog[open]")) return;
  if (event.target.matches("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "g") { pressedG = Date.now(); return; }
  if (event.key === "p" && Date.now() - pressedG < 1000) { location.href = "/"; return; }
  const action = KEYS[event.key];
  if (action) { event.preventDefault(); action(); }
});

// Live updates: fetches the page again and replaces only the parts that changed; rows stay where they are.
const body = document.body;
let refreshing = false, pending = false, refreshedAt = 0;
function requestRefresh() {
  if (document.hidden || refreshing) { pending = true; return; }
  refreshing = true;
  setTimeout(refresh, Math.max(0, 1000 - (Date.now() - refreshedAt)));
}
async function refresh() {
  refreshedAt = Date.now();
  pending = false;
  try {
    const answer = await fetch(location.href, { headers: { "X-Refresh": "1" } });
    if (answer.redirected || answer.status === 401) return;
    if (answer.ok) update(new DOMParser().parseFromString(await answer.text(), "text/html"));
    else markLate("the database does not answer; retrying");
  } catch { markLate("the server does not answer; retrying"); }
  finally {
    refreshing = false;
    if (pending && !document.hidden) requestRefresh();
  }
}
let latest = null;  // the page as it was last fetched, whose list the pill shows
document.addEventListener("click", (event) => {
  if (event.target.id !== "fresh" || !latest || new URLSearchParams(location.search).has("cursor")) return;
  event.preventDefault();
  first("[data-rows]").replaceWith(document.importNode(first("[data-rows]", latest), true));
  event.target.hidden = true;
  times();
});
function update(fresh) {
  latest = fresh;
  if (body.dataset.livePage && !fresh.body.dataset.livePage) { location.href = body.dataset.livePage; return; }
  for (const part of all("[data-part]")) {
    const newer = fresh.getElementById(part.id);
    if (newer) replace(part, newer);
  }
  const rows = new Map(all("[data-rows] tr[data-key]", fresh).map((row) => [row.dataset.key, row]));
  for (const row of all("[data-rows] tr[data-key]")) {
    const newer = rows.get(row.dataset.key);
    rows.delete(row.dataset.key);
    const cells = all("[data-cell]", row);
    if (newer) all("[data-cell]", newer).forEach((cell, place) => replace(cells[place], cell));
  }
  const pill = first("#fresh"), list = first("[data-rows]");
  const order = (root) => all("[data-rows] tr[data-key]", root).map((row) => row.dataset.key).join();
  if (list && rows.size && !first("tr[data-key]", list)) {  // an empty list has no rows that could move
    list.replaceWith(document.importNode(first("[data-rows]", fresh), true));
    times();
  } else if (pill && (rows.size || order(document) !== order(fresh))) {
    pill.textContent = rows.size ? `${rows.size} new · refresh` : "order changed · refresh";
    pill.hidden = false;
  } else if (pill) pill.hidden = true;
  watermark(first("#watermark", fresh)?.dataset.complete);
  document.dispatchEvent(new Event("faultline:changed"));
}
// Compares without the text of times, which this script rewrites.
const comparable = (html) => html.replace(/<time[^>]*>[^<]*<\/time>/g, (tag) => /datetime="([^"]*)"/.exec(tag)?.[1] ?? tag);
function replace(old, fresh) {
  if (comparable(old.innerHTML) === comparable(fresh.innerHTML)) return;
  old.innerHTML = fresh.innerHTML;
  times(old);
  old.classList.remove("changed");
  void old.offsetWidth; // restarts the animation
  old.classList.add("changed");
}
function markLate(reason) {
  const mark = first("#watermark");
  if (!mark) return;
  mark.classList.add("late");
  first(".dot", mark).classList.add("late");
  const behind = first(".behind", mark);
  if (behind) behind.textContent = `· ${reason}`;
}
// Ingest may take 60 s from stamping an event to appending it: under steady traffic the watermark lags by that.
const LATE_SECONDS = 75;
let complete = Number(first("#watermark")?.dataset.complete || 0);
function watermark(ms) {
  const mark = first("#watermark");
  if (ms) complete = Number(ms);
  if (!mark || !complete) return;
  const time = first("time", mark), behind = Math.floor((Date.now() - complete) / 1000);
  if (!time) return;
  time.dateTime = new Date(complete).toISOString();
  time.textContent = clock.format(complete);
  if (behind > LATE_SECONDS) return markLate(`${behind} s behind: events are waiting to be counted`);
  mark.classList.remove("late");
  first(".dot", mark).classList.remove("late");
  first(".behind", mark).textContent = "";
}
function follow(address) {
  let stream = null;
  function open() {
    if (stream) return;
    stream = new EventSource(address);
    stream.addEventListener("open", requestRefresh); // changes from before it was open are not sent
    for (const name of ["window", "group", "reset"]) stream.addEventListener(name, requestRefresh);
    stream.addEventListener("watermark", (event) => watermark(Date.parse(JSON.parse(event.data).complete_until)));
    stream.addEventListener("error", () => markLate("not connected; retrying"));
  }
  function close() { stream?.close(); stream = null; }
  // A browser opens six connections to a host, so hidden tabs hold none.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  if (!document.hidden) open();
}
document.addEventListener("visibilitychange", () => { if (!document.hidden && pending) requestRefresh(); });
if (body.dataset.live) follow(body.dataset.live);
if (body.dataset.refresh) setInterval(requestRefresh, Number(body.dataset.refresh) * 1000);

// Opens the folded part of a page that an address names by its hash.
function openTarget() {
  const part = document.getElementById(location.hash.slice(1));
  if (part?.matches("details")) part.open = true;
}
openTarget();
addEventListener("hashchange", openTarget);
