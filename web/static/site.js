"use strict";
// Everything works without this file: it keeps pages current and forms in place.

document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const search = document.getElementById("search");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
});

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent === "yes") {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  setTimeout(() => { delete form.dataset.sent; }, 3000);
});

// --- current pages: `data-live` names what an element shows, `data-source` where it is fetched anew. `any` is what may
// show something of each project; it is fetched no more often than every `data-pause` seconds.

const stream = { source: null, last: document.body.dataset.after || "0", delay: 1000 };

function connect() {
  const url = document.body.dataset.live;
  if (!url || document.hidden || stream.source) return;
  const source = new EventSource(`${url}?after=${encodeURIComponent(stream.last)}`);
  stream.source = source;
  source.onopen = () => { stream.delay = 1000; };
  source.onmessage = (event) => {
    stream.last = event.lastEventId || stream.last;
    JSON.parse(event.data).forEach(changed);
  };
  source.addEventListener("reload", () => { disconnect(); reload(); });
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    disconnect();
    setTimeout(connect, stream.delay);
    stream.delay = Math.min(stream.delay * 2, 60000);
  };
}

function disconnect() {
  if (stream.source) stream.source.close();
  stream.source = null;
}

const fetched = new Map(); // how often parts were fetched that are `data-patient`
const missing = new Set(); // projects for which the board was fetched, since it does not show them

function changed(topic) {
  let elements = document.querySelectorAll(`[data-live~="${topic}"], [data-live~="any"]`);
  if (!elements.length && topic.startsWith("project-") && !missing.has(topic)) {
    missing.add(topic);
    elements = document.querySelectorAll('[data-live~="new-project"]');
  }
  elements.forEach((element) => {
    fetched.delete(element.id);
    if (element !== document.body) refresh(element);
  });
}

const AGAIN = 5000; // milliseconds after which what could not be done is tried again
const waiting = new Set();

// Whether somebody is typing into a part of the page, has typed something there that is not sent yet, or is about to.
function isTyped(element) {
  if (element.querySelector("details[open] form")) return true;
  const fields = [...element.querySelectorAll("input:not([type=hidden]), textarea, select")];
  return fields.some((field) => field === document.activeElement || (field.value !== field.defaultValue && field.matches("input, textarea")));
}

function reload() {
  if (isTyped(document.getElementById("main"))) setTimeout(reload, AGAIN);
  else location.reload();
}

// An answer takes the place of a part only if it has that part. An error has not, nor has the page for signing in.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target } = event.detail;
  event.detail.shouldSwap = xhr.status < 400 && xhr.responseText.includes(`id="${target.id}"`);
  if (xhr.status >= 500 || xhr.status === 429) setTimeout(() => refresh(target), AGAIN);
});

// Changes that come close together are fetched once. What somebody is typing into stays as it is until they are done,
// and why their act was refused stays until they leave the page.
function refresh(element) {
  if (waiting.has(element.id)) return;
  waiting.add(element.id);
  setTimeout(() => {
    waiting.delete(element.id);
    const current = document.getElementById(element.id);
    if (!current) return;
    if (isTyped(current)) {
      setTimeout(() => refresh(current), AGAIN);
      return;
    }
    const focused = current.contains(document.activeElement) ? document.activeElement.id : "";
    const refusals = current.querySelectorAll(".refused[role=alert]");
    const path = current.dataset.source || location.pathname + location.search;
    // With its own source, a part does not take the place of another one's request.
    const asked = htmx.ajax("GET", path, { source: current, target: current, swap: "outerHTML", select: `#${CSS.escape(current.id)}` });
    asked.then(() => {
      const fresh = document.getElementById(current.id);
      if (fresh && fresh !== current) fresh.prepend(...refusals);
      if (focused) document.getElementById(focused)?.focus();
    }, () => setTimeout(() => refresh(current), AGAIN));
  }, 50 + Math.random() * 100 + 1000 * Number(element.dataset.pause || 0));
}

// The numbers above the board are those of its rows now.
document.addEventListener("htmx:afterSwap", () => {
  document.querySelectorAll("[data-sum]").forEach((element) => {
    const name = `data-${element.dataset.sum}`;
    const rows = [...document.querySelectorAll(`[${name}]`)];
    element.textContent = rows.reduce((sum, row) => sum + Number(row.getAttribute(name)), 0);
    element.parentElement.hidden = element.textContent === "0";
  });
});

// The seconds until a part is fetched again that changes by itself: each time twice as many if it is `data-patient`, and
// never again after eight times.
function pauseOf(element) {
  if (!("patient" in element.dataset)) return Number(element.dataset.every);
  const times = fetched.get(element.id) || 0;
  return times < 8 ? Number(element.dataset.every) * 2 ** times : Infinity;
}

setInterval(() => {
  if (document.hidden) return;
  const now = Date.now();
  document.querySelectorAll("time[data-age]").forEach((time) => { time.textContent = age(new Date(time.dateTime), now); });
  document.querySelectorAll("progress[data-since]").forEach((bar) => { bar.value = (now - new Date(bar.dataset.since)) / 1000; });
  document.querySelectorAll("[data-every]").forEach((element) => {
    const due = Number(element.dataset.due || 0);
    if (now >= due) {
      if (due) {
        fetched.set(element.id, (fetched.get(element.id) || 0) + 1);
        refresh(element);
      }
      element.dataset.due = String(now + 1000 * pauseOf(element));
    }
  });
}, 1000);

// As web/words.py says it.
function age(time, now) {
  const seconds = Math.floor(Math.abs(now - time) / 1000);
  if (seconds < 10) return "just now";
  const units = [[86400, "day"], [3600, "h"], [60, "min"], [1, "s"]];
  const [size, unit] = units.find(([each]) => seconds >= each);
  const count = Math.floor(seconds / size);
  if (size === 86400 && count >= 60) return time.toISOString().slice(0, 10);
  const text = `${count} ${unit}${unit === "day" && count > 1 ? "s" : ""}`;
  return time < now ? `${text} ago` : `in ${text}`;
}

document.addEventListener("visibilitychange", () => { if (document.hidden) disconnect(); else connect(); });
addEventListener("pagehide", disconnect);
addEventListener("pageshow", connect);

// A page that consists of one button presses it by itself.
document.querySelector("form[data-submit]")?.requestSubmit();
