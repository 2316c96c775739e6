// The one script of the house. Every page works without it: it saves a
// keystroke, a reload or a look at the clock.

// What it writes into a page is in the language of the page, which brings it.
const words = JSON.parse(document.body.dataset.words || "{}");

const relative = (date, now) => {
  const s = (now - date) / 1000;
  const say = (texts, x) => {
    const [i, n] = x < 60 ? [0, Math.max(1, x)] : x < 3600 ? [1, x / 60] : x < 172800 ? [2, x / 3600] : [3, x / 86400];
    return texts[i].replace("#", Math.floor(n));
  };
  if (s < -1) return say(words.in, -s);
  if (s < 10) return words.just;
  return s > 2592000 ? null : say(words.ago, s);
};

const tickTimes = () => {
  const now = Date.now();
  for (const el of document.querySelectorAll("time[data-relative]")) {
    const at = new Date(el.dateTime);
    const text = "due" in el.dataset && at <= now ? words.now : relative(at, now);
    if (text && el.textContent !== text) el.textContent = text;
  }
};

// A time that people go by is told by their own clock. The console keeps to UTC, as
// what it signs does.
if (!document.body.matches(".console")) {
  const { lang } = document.documentElement;
  const tag = navigator.languages.find((l) => l.startsWith(lang)) ?? lang;
  const day = { day: "numeric", month: "short", year: "numeric" };
  const tell = (at, more) => at.toLocaleString(tag, { hour: "numeric", minute: "2-digit", timeZoneName: "short", ...more });
  for (const el of document.querySelectorAll("time")) {
    const at = new Date(el.dateTime);
    el.title = tell(at, { ...day, second: "2-digit" });
    if (!("relative" in el.dataset)) el.textContent = tell(at, at.toDateString() === new Date().toDateString() ? {} : day);
  }
}

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
  const word = b.textContent;
  if (word === words.copied) return;
  b.textContent = words.copied;
  setTimeout(() => (b.textContent = word), 1600);
});

for (const b of document.querySelectorAll("button[data-print]")) {
  b.hidden = false;
  b.addEventListener("click", () => print());
}

// The answer to a form is not asked for by that form again, by a reload or by coming
// back to it: the page that the form stands on is.
if (document.body.dataset.page) history.replaceState(null, "", document.body.dataset.page);

// A form that is on its way is not sent again by a second press.
const sent = new WeakMap();
document.addEventListener("submit", (e) => {
  if (e.defaultPrevented || e.target.method !== "post") return;
  const now = performance.now();
  if (now - sent.get(e.target) < 3000) e.preventDefault();
  else sent.set(e.target, now);
});

// What is typed as a password is shown to whoever wants to see it, and hidden again
// before it leaves.
for (const b of document.querySelectorAll("button[data-show]")) {
  const field = document.getElementById(b.dataset.show);
  b.classList.remove("late");
  const says = [b.textContent, b.dataset.other];
  const turn = (seen) => {
    field.type = seen ? "text" : "password";
    b.textContent = says[+seen];
  };
  b.addEventListener("click", () => turn(field.type === "password"));
  field.form.addEventListener("submit", () => turn(false));
}

// Filter as you type: hides the items of a list that do not hold the words.
for (const input of document.querySelectorAll("input[data-filter]")) {
  const list = document.getElementById(input.dataset.filter);
  const none = document.getElementById(`${input.dataset.filter}-none`);
  if (!list) continue;
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

  // From anywhere to the search by a slash, from there to what was found by
  // arrows, and to the first of it by Enter.
  const key = input.parentElement.querySelector("kbd");
  if (key) key.hidden = false;
  const shown = () => [...list.children].filter((item) => !item.hidden).map((item) => item.querySelector("a, button")).filter(Boolean);
  input.form?.addEventListener("submit", (e) => {
    const [first] = shown();
    if (!first || !input.value.trim()) return;
    e.preventDefault();
    first.click();
  });
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
    const at = document.activeElement;
    if (e.key === "/" && !at.matches("input, textarea, select")) {
      e.preventDefault();
      input.focus();
      input.select();
      return;
    }
    const tiles = shown();
    const i = tiles.indexOf(at);
    if (i < 0 && at !== input) return;
    const row = tiles.filter((t) => t.offsetTop === tiles[0].offsetTop).length;
    const step = { ArrowDown: i < 0 ? 1 : row, ArrowUp: -row, ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (!step || (at === input && e.key !== "ArrowDown")) return;
    e.preventDefault();
    (i + step < 0 ? input : tiles[Math.min(i + step, tiles.length - 1)])?.focus();
  });
}

// Makes an element what another is, and keeps what is the same in both: a row
// that has the focus keeps it, and the page stays where it was scrolled to.
const become = (old, fresh) => {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== Node.ELEMENT_NODE || old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
    old.replaceWith(fresh);
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const kept = new Map([...old.children].filter((c) => c.id).map((c) => [c.id, c]));
  let at = old.firstChild;
  for (const f of [...fresh.childNodes]) {
    const same = f.id ? kept.get(f.id) : at && !at.id && at.nodeName === f.nodeName ? at : null;
    if (!same) {
      old.insertBefore(f, at);
      continue;
    }
    // What stands between goes, and never the row itself: moving it would lose
    // the focus.
    if (same !== at) {
      while (at && at !== same && !fresh.querySelector(`#${CSS.escape(at.id || "-")}`)) {
        const gone = at;
        at = at.nextSibling;
        gone.remove();
      }
      if (same !== at) old.insertBefore(same, at);
    }
    at = same.nextSibling;
    become(same, f);
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
};

// What one looks at stays where it is when rows come or go above it: the row
// with the focus, or else the first that can be seen.
const anchor = (part) => {
  const seen = (el) => el.getBoundingClientRect().bottom > 0 && el.getBoundingClientRect().top < innerHeight;
  const rows = [...part.querySelectorAll("tr[id]")];
  const row = [document.activeElement?.closest("tr[id]"), ...rows].find((el) => el && part.contains(el) && seen(el));
  const top = row?.getBoundingClientRect().top;
  return () => {
    if (scrollY > 0 && row?.isConnected) scrollBy({ top: row.getBoundingClientRect().top - top, behavior: "instant" });
  };
};

// A live part: the server says that something changed (data-live), or we look
// again every so many milliseconds (data-again), and the part is taken out of the
// page as it now stands. There is one renderer, the server's.
const live = document.querySelector("[data-live], [data-again]");
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
        const stays = anchor(old);
        become(old, document.adoptNode(fresh));
        stays();
        const now = document.getElementById(id);
        showCopyButtons(now);
        tickTimes();
        tickClocks();
        if (!now.dataset.live && !now.dataset.again) stop();
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
  let stop;
  if (live.dataset.live) {
    const events = new EventSource(live.dataset.live);
    events.addEventListener("change", refresh);
    stop = () => events.close();
  } else {
    const timer = setInterval(refresh, Number(live.dataset.again));
    stop = () => clearInterval(timer);
  }
  for (const el of document.querySelectorAll(".live-on")) el.hidden = false;

  // A small act within a live part stays on the page; what is refused is shown
  // as without this script.
  live.addEventListener("submit", async (e) => {
    const form = e.target.closest("form[data-stay]");
    if (!form) return;
    e.preventDefault();
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) }).catch(() => null);
    if (answer?.ok) refresh();
    else form.submit();
  });
}

// A minute to come is meant on the clocks here, unless somebody says otherwise.
const zone = document.querySelector('form[action$="/schedule"] input[name="zone"]');
if (zone && zone.value === "UTC" && !zone.hasAttribute("aria-invalid")) {
  zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

// Whoever has signed out is led through the apps that only this browser can
// tell. It waits for none of them longer than a few seconds.
const calls = document.querySelector("[data-calls]");
if (calls) {
  const open = new Set(calls.querySelectorAll("[data-call]"));
  const go = () => {
    if (calls.dataset.then) location.replace(calls.dataset.then);
  };
  const settle = (call, words, done) => {
    call.querySelector("[data-said]").textContent = words;
    if (done) call.dataset.done = "";
    if (open.delete(call) && open.size === 0) setTimeout(go, 600);
  };
  for (const call of [...open]) {
    const frame = call.querySelector("iframe");
    const form = call.querySelector("form");
    let asked = !form;
    const look = () => {
      const page = frame.contentDocument; // null: a page of the app
      const outcome = page?.body?.dataset.outcome;
      if (outcome) settle(call, page.querySelector("[data-words]").textContent, outcome === "done");
      else if (!page && asked && !("answers" in frame.dataset)) settle(call, calls.dataset.asked, false);
    };
    frame.addEventListener("load", look);
    look();
    if (form) {
      form.hidden = true;
      asked = true;
      call.querySelector("[data-said]").textContent = calls.dataset.telling;
      HTMLFormElement.prototype.submit.call(form);
    }
  }
  setTimeout(() => {
    for (const call of open) {
      call.querySelector("[data-said]").textContent = calls.dataset.silent;
    }
    go();
  }, 5000);
}

// Passkeys. A page brings the options of the ceremony and takes the answer back
// in its form. In the field for the name the browser offers them by itself.
const keys = globalThis.PublicKeyCredential;
const passkey = document.querySelector("form[data-passkey]");
if (passkey && keys?.parseRequestOptionsFromJSON) {
  let waiting;
  let busy = false; // with what the button asked for
  const ask = async (mediation) => {
    waiting?.abort();
    busy = !mediation;
    const { signal } = (waiting = new AbortController());
    const { publicKey } = JSON.parse(passkey.dataset.passkey);
    const make = "make" in passkey.dataset;
    try {
      const answer = make
        ? await navigator.credentials.create({ publicKey: keys.parseCreationOptionsFromJSON(publicKey), signal })
        : await navigator.credentials.get({ publicKey: keys.parseRequestOptionsFromJSON(publicKey), mediation, signal });
      passkey.elements.response.value = JSON.stringify(answer);
      document.querySelector("[data-remember]")?.setAttribute("form", passkey.id);
      passkey.submit();
    } catch (e) {
      if (signal.aborted) return;
      busy = false;
      if (!mediation) passkey.querySelector("[data-said]").textContent = passkey.dataset[make && e.name === "InvalidStateError" ? "there" : "failed"];
      if (!make && !mediation) offer();
    }
  };
  const offer = async () => {
    if (!("make" in passkey.dataset) && (await keys.isConditionalMediationAvailable?.())) ask("conditional");
  };
  passkey.hidden = false;
  passkey.classList.remove("late");
  document.querySelector("[data-no-passkeys]")?.remove();
  passkey.addEventListener("submit", (e) => {
    e.preventDefault();
    ask();
  });
  offer();
  // What the page brought is good for five minutes.
  setInterval(() => {
    const x = new XMLHttpRequest();
    x.open("GET", passkey.dataset.page);
    x.responseType = "document";
    x.onload = () => {
      const fresh = x.response?.querySelector("form[data-passkey]");
      if (!fresh || busy) return;
      passkey.dataset.passkey = fresh.dataset.passkey;
      passkey.elements.state.value = fresh.elements.state.value;
      offer();
    };
    x.send();
  }, 240000);
}

// What the browser keeps follows what we keep.
const known = document.querySelector("[data-passkeys]");
if (known && keys) {
  const quiet = () => {};
  const all = JSON.parse(known.dataset.passkeys);
  keys.signalAllAcceptedCredentials?.(all).catch(quiet);
  keys.signalCurrentUserDetails?.(all).catch(quiet);
  if (known.dataset.unknown) keys.signalUnknownCredential?.(JSON.parse(known.dataset.unknown)).catch(quiet);
}
const platform = document.querySelector("input[name=platform]");
if (platform) keys?.isUserVerifyingPlatformAuthenticatorAvailable?.().then((can) => (platform.value = can ? "1" : ""));

// On a phone the navigation scrolls: one sees where one is.
document.querySelector(".topbar nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

showCopyButtons(document);
tickTimes();
tickClocks();
setInterval(tickTimes, 5000);
if (document.querySelector("[data-clock-ms]")) {
  setInterval(tickClocks, matchMedia("(prefers-reduced-motion: reduce)").matches ? 1000 : 100);
}

// A file may be dropped anywhere on a page that asks for one.
const drop = document.querySelector("form[data-drop]");
if (drop) {
  const file = drop.querySelector('input[type="file"]');
  addEventListener("dragover", (e) => {
    if ([...e.dataTransfer.types].includes("Files")) e.preventDefault();
  });
  addEventListener("drop", (e) => {
    if (!e.dataTransfer.files.length) return;
    e.preventDefault();
    file.files = e.dataTransfer.files;
    file.focus();
  });
}
