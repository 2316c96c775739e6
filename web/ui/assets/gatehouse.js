// The one script of the house. Every page works without it: it saves a
// keystroke, a reload or a look at the clock.

const relative = (date, now) => {
  const s = (now - date) / 1000;
  const span = (x) =>
    x < 60 ? `${Math.max(1, Math.floor(x))} s`
    : x < 3600 ? `${Math.floor(x / 60)} min`
    : x < 172800 ? `${Math.floor(x / 3600)} h`
    : `${Math.floor(x / 86400)} days`;
  if (s < -1) return `in ${span(-s)}`;
  if (s < 10) return "just now";
  return s > 2592000 ? null : `${span(s)} ago`;
};

const tickTimes = () => {
  const now = Date.now();
  for (const el of document.querySelectorAll("time[data-relative]")) {
    const text = relative(new Date(el.dateTime), now);
    if (text && el.textContent !== text) el.textContent = text;
  }
};

// A clock counts from the click. The server says how much had passed when it
// rendered the page, so a wrong clock in the browser does not matter.
const started = new WeakMap();
const tickClocks = () => {
  for (const el of document.querySelectorAll("[data-clock-ms]")) {
    if (!started.has(el)) started.set(el, performance.now() - Number(el.dataset.clockMs));
    const s = (performance.now() - started.get(el)) / 1000;
    el.textContent =
      s < 100 ? `${s.toFixed(1)} s` : s < 3600 ? `${Math.floor(s / 60)} min` : `${Math.floor(s / 3600)} h`;
  }
};

const showCopyButtons = (root) => {
  if (!navigator.clipboard) return;
  for (const b of root.querySelectorAll("button[data-copy]")) b.hidden = false;
};

document.addEventListener("click", async (e) => {
  const b = e.target.closest("button[data-copy]");
  if (!b) return;
  await navigator.clipboard.writeText(b.dataset.copy);
  b.textContent = "Copied";
  setTimeout(() => (b.textContent = "Copy"), 1600);
});

// Filter as you type: hides the items of a list that do not hold the words.
for (const input of document.querySelectorAll("input[data-filter]")) {
  const list = document.getElementById(input.dataset.filter);
  const none = document.getElementById(`${input.dataset.filter}-none`);
  if (!list) continue;
  input.closest("[hidden]")?.removeAttribute("hidden");
  const apply = () => {
    const words = input.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of list.children) {
      const text = item.textContent.toLocaleLowerCase();
      item.hidden = !words.every((w) => text.includes(w));
      if (!item.hidden) shown++;
    }
    if (none) none.hidden = shown > 0;
  };
  input.addEventListener("input", apply);
  apply();
}

// A live part: the server says that something changed, and the part is taken
// out of the page as it now stands. There is one renderer, the server's.
const live = document.querySelector("[data-live]");
if (live) {
  const id = live.id;
  let busy = false;
  let again = false;
  const refresh = () => {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    const x = new XMLHttpRequest();
    x.open("GET", location.href);
    x.responseType = "document";
    x.onload = () => {
      const fresh = x.response?.getElementById(id);
      const old = document.getElementById(id);
      if (x.status === 200 && fresh && old) {
        old.replaceWith(document.adoptNode(fresh));
        showCopyButtons(fresh);
        tickTimes();
        tickClocks();
        if (!fresh.dataset.live) events.close();
      }
    };
    x.onloadend = () => {
      busy = false;
      if (again) {
        again = false;
        refresh();
      }
    };
    x.send();
  };
  const events = new EventSource(live.dataset.live);
  events.addEventListener("change", refresh);
}

showCopyButtons(document);
tickTimes();
tickClocks();
setInterval(tickTimes, 5000);
if (document.querySelector("[data-clock-ms]")) {
  setInterval(tickClocks, matchMedia("(prefers-reduced-motion: reduce)").matches ? 1000 : 100);
}
