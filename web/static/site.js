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

// --- current pages: `data-live` names what an element shows, `data-source` where it is fetched anew.

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
  source.addEventListener("reload", () => { disconnect(); location.reload(); });
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

function changed(topic) {
  const showing = document.querySelectorAll(`[data-live~="${topic}"]`);
  const elements = showing.length || !topic.startsWith("project-") ? showing : document.querySelectorAll('[data-live~="new-project"]');
  elements.forEach((element) => { if (element !== document.body) refresh(element); });
}

const waiting = new Set();

// Changes that come close together are fetched once. What somebody is typing into stays as it is until they are done.
function refresh(element) {
  if (waiting.has(element.id)) return;
  waiting.add(element.id);
  setTimeout(() => {
    waiting.delete(element.id);
    const current = document.getElementById(element.id);
    if (!current) return;
    if (current.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) {
      current.addEventListener("focusout", () => refresh(current), { once: true });
      return;
    }
    const focused = current.contains(document.activeElement) ? document.activeElement.id : "";
    const source = current.dataset.source || location.pathname + location.search;
    htmx.ajax("GET", source, { target: current, swap: "outerHTML", select: `#${CSS.escape(current.id)}` }).then(() => {
      if (focused) document.getElementById(focused)?.focus();
    });
  }, 50 + Math.random() * 100);
}

setInterval(() => {
  if (document.hidden) return;
  const now = Date.now();
  document.querySelectorAll("time[data-age]").forEach((time) => { time.textContent = age(new Date(time.dateTime), now); });
  document.querySelectorAll("progress[data-since]").forEach((bar) => { bar.value = (now - new Date(bar.dataset.since)) / 1000; });
  document.querySelectorAll("[data-every]").forEach((element) => {
    const due = Number(element.dataset.due || 0);
    if (now >= due) {
      element.dataset.due = String(now + 1000 * Number(element.dataset.every));
      if (due) refresh(element);
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
