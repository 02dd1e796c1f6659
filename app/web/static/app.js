// What the pages do beyond HTML: times in the reader's zone, keys, copying, live numbers that never move a row.
"use strict";
const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const say = (text) => { one("#said").textContent = text; };

// Times
const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
function ago(ms) {
  const seconds = Math.floor((Date.now() - ms) / 1000);
  if (seconds < 5) return "just now";
  const [size, unit] = UNITS.find(([size]) => seconds >= size);
  return `${Math.floor(seconds / size)} ${unit} ago`;
}
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const minute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
function times(root = document) {
  for (const time of all("time[datetime]", root)) {
    const ms = Date.parse(time.dateTime);
    if (Number.isNaN(ms)) continue;
    time.title = exact.format(ms);
    if (time.classList.contains("clock")) time.textContent = clock.format(ms);
    else if (time.classList.contains("minute")) time.textContent = minute.format(ms);
    else if (/ago$|^just now$/.test(time.textContent)) time.textContent = ago(ms);
  }
}
times();
setInterval(times, 10000);
document.addEventListener("htmx:after:swap", () => times());

// Theme
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-switch]")) return;
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  document.dispatchEvent(new Event("faultline:theme"));
});

// Copying, confirming, choosing, filtering
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
  say("Copied");
  setTimeout(() => { button.textContent = before; }, 1500);
}
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.copy) copy(button, one(`#${button.dataset.copy}`).textContent);
  if (button.dataset.copyFrom) copy(button, await (await fetch(button.dataset.copyFrom)).text());
  if (button.dataset.confirm && !confirm(button.dataset.confirm)) event.preventDefault();
  if ("help" in button.dataset) one("#help").showModal();
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});
document.addEventListener("input", (event) => {
  const name = event.target.dataset.filter;
  if (!name) return;
  const wanted = event.target.value.toLowerCase();
  for (const row of one(`#${name}`).rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
});
document.addEventListener("click", (event) => {
  for (const menu of all("details.switch[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// Completion: of the last word of a query, by the fields and the values that events have
for (const input of all("input[data-complete]")) {
  const list = one(`#${input.getAttribute("list")}`);
  const known = [...list.options].map((option) => option.value);
  const learn = async () => {
    try {
      const answer = await fetch(input.dataset.complete);
      if (answer.ok) known.push(...await answer.json());
    } catch { /* the fields' names are there without it */ }
  };
  if (document.activeElement === input) learn();
  else input.addEventListener("focus", learn, { once: true });
  input.addEventListener("input", () => {
    const last = /(?:[^\s":]+:)?(?:"[^"]*|[^\s"]*)$/.exec(input.value)[0], before = input.value.slice(0, input.value.length - last.length);
    const sign = last.startsWith("-") ? "-" : "", wanted = last.slice(sign.length).replaceAll('"', "").toLowerCase();
    const fits = wanted ? known.filter((one) => one.replaceAll('"', "").toLowerCase().startsWith(wanted)).slice(0, 20) : [];
    list.replaceChildren(...fits.map((one) => { const option = document.createElement("option"); option.value = before + sign + one; return option; }));
  });
}

// Keys
let went = 0;
function move(step) {
  const rows = all("[data-row]");
  if (!rows.length) return;
  const now = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[Math.min(Math.max(now + step, 0), rows.length - 1)];
  one("a", next).focus();
}
const KEYS = {
  "/": () => (one("#find") || one("main input[type=search]"))?.focus(),
  j: () => move(1),
  k: () => move(-1),
  o: () => document.activeElement.closest("[data-row]") && one("a", document.activeElement.closest("[data-row]")).click(),
  r: () => decide("resolved", "r"),
  i: () => decide("ignored", "i"),
  "?": () => one("#help")?.showModal(),
};
function decide(status, key) {
  const button = one(`button[data-key=${key}]`);
  if (button) return button.click();
  const row = document.activeElement.closest("tr[data-key]");
  if (!row) return;
  one("input[type=checkbox]", row).checked = true;
  one(`.bulk button[value=${status}]`).click();
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || one("dialog[open]")) return;
  if (event.target.matches("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "g") { went = Date.now(); return; }
  if (event.key === "p" && Date.now() - went < 1000) { location.href = "/"; return; }
  const act = KEYS[event.key];
  if (act) { event.preventDefault(); act(); }
});

// Live: the page is asked for anew, and only what changed is put in place; rows stay where they are.
const body = document.body;
let refreshing = false, again = false, last = 0;
function changed() {
  if (document.hidden) { again = true; return; }
  if (refreshing) { again = true; return; }
  refreshing = true;
  setTimeout(refresh, Math.max(0, 1000 - (Date.now() - last)));
}
async function refresh() {
  last = Date.now();
  again = false;
  try {
    const answer = await fetch(location.href, { headers: { "X-Refresh": "1" } });
    if (answer.redirected || answer.status === 401) return;
    if (answer.ok) put(new DOMParser().parseFromString(await answer.text(), "text/html"));
    else late("the server's database does not answer; trying again");
  } catch { late("the server does not answer; trying again"); }
  finally {
    refreshing = false;
    if (again && !document.hidden) changed();
  }
}
function put(fresh) {
  if (body.dataset.first && !fresh.body.dataset.first) { location.href = body.dataset.first; return; }
  for (const part of all("[data-part]")) {
    const other = fresh.getElementById(part.id);
    if (other) replace(part, other);
  }
  const rows = new Map(all("[data-rows] tr[data-key]", fresh).map((row) => [row.dataset.key, row]));
  for (const row of all("[data-rows] tr[data-key]")) {
    const other = rows.get(row.dataset.key);
    rows.delete(row.dataset.key);
    const cells = all("[data-cell]", row);
    if (other) all("[data-cell]", other).forEach((cell, place) => replace(cells[place], cell));
  }
  const pill = one("#fresh"), list = one("[data-rows]");
  if (list && rows.size && !one("tr[data-key]", list)) {  // nothing is there that could jump
    list.replaceWith(document.importNode(one("[data-rows]", fresh), true));
    times();
  } else if (pill && rows.size) { pill.textContent = `${rows.size} new`; pill.hidden = false; }
  watermark(one("#watermark", fresh)?.dataset.complete);
  document.dispatchEvent(new Event("faultline:changed"));
}
const plain = (html) => html.replace(/<time[^>]*>[^<]*<\/time>/g, (tag) => /datetime="([^"]*)"/.exec(tag)?.[1] ?? tag);
function replace(old, fresh) {
  if (plain(old.innerHTML) === plain(fresh.innerHTML)) return;
  old.innerHTML = fresh.innerHTML;
  times(old);
  old.classList.remove("changed");
  void old.offsetWidth;
  old.classList.add("changed");
}
function late(reason) {
  const mark = one("#watermark");
  if (!mark) return;
  mark.classList.add("late");
  one(".dot", mark).classList.add("late");
  const behind = one(".behind", mark);
  if (behind) behind.textContent = `· ${reason}`;
}
// Ingest may take 60 s from stamping an event to appending it, so under steady traffic that much is never certain yet.
const LATE_SECONDS = 75;
let complete = Number(one("#watermark")?.dataset.complete || 0);
function watermark(ms) {
  const mark = one("#watermark");
  if (ms) complete = Number(ms);
  if (!mark || !complete) return;
  const time = one("time", mark), behind = Math.floor((Date.now() - complete) / 1000);
  if (!time) return;
  time.dateTime = new Date(complete).toISOString();
  time.textContent = clock.format(complete);
  if (behind > LATE_SECONDS) return late(`${behind} s behind: events are waiting to be counted`);
  mark.classList.remove("late");
  one(".dot", mark).classList.remove("late");
  one(".behind", mark).textContent = "";
}
function follow(address) {
  let stream = null;
  function open() {
    if (stream) return;
    stream = new EventSource(address);
    stream.addEventListener("open", changed); // what came before it was open is not told again
    for (const name of ["window", "group", "reset"]) stream.addEventListener(name, changed);
    stream.addEventListener("watermark", (event) => watermark(Date.parse(JSON.parse(event.data).complete_until)));
    stream.addEventListener("error", () => late("not connected; trying again"));
  }
  function close() { stream?.close(); stream = null; }
  // A browser has six connections to a host: tabs that nobody looks at hold none.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  if (!document.hidden) open();
}
document.addEventListener("visibilitychange", () => { if (!document.hidden && again) changed(); });
if (body.dataset.live) follow(body.dataset.live);
if (body.dataset.refresh) setInterval(changed, Number(body.dataset.refresh) * 1000);
