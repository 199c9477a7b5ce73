"use strict";
// The page of tabs: it asks for the state when an event says that something has changed, and keeps the place that was read.
const byId = (id) => document.getElementById(id);
const frame = byId("frame");
const tabs = [...document.querySelectorAll("[role=tab]")];
let tab = "desktop";

const themes = () => [...document.querySelectorAll("input[name=theme]:checked")].map((box) => box.value);

function show(keep) {
  const place = keep && frame.contentWindow ? frame.contentWindow.scrollY : 0;
  frame.onload = () => frame.contentWindow.scrollTo(0, place);
  frame.src = `show/${tab}?themes=${encodeURIComponent(themes().join(" "))}&at=${Date.now()}`;
}

function choose(name) {
  tab = name;
  for (const one of tabs) {
    const mine = one.dataset.tab === name;
    one.setAttribute("aria-selected", String(mine));
    one.tabIndex = mine ? 0 : -1;
    if (mine) byId("view").setAttribute("aria-labelledby", one.id);
  }
  byId("view").dataset.tab = name;
  show(false);
}

function fill(id, text) { byId(id).textContent = text; }

function tell(problems) {
  const box = byId("problems");
  box.replaceChildren();
  box.hidden = problems.length === 0;
  for (const one of problems) {
    const head = document.createElement("h2");
    head.textContent = `${one.message} [${one.code}]`;
    box.append(head);
    if (one.lines.length) {
      const lines = document.createElement("pre");
      for (const [number, text, here] of one.lines) {
        const line = document.createElement("div");
        line.textContent = `${String(number).padStart(5)} | ${text}`;
        if (here) line.className = "here";
        lines.append(line);
      }
      box.append(lines);
    }
    if (one.help) box.append(Object.assign(document.createElement("p"), { textContent: one.help }));
  }
}

async function renew() {
  const state = await (await fetch(`state.json?themes=${encodeURIComponent(themes().join(" "))}`)).json();
  tell(state.problems);
  if (state.bytes === undefined) return;
  // Each inbox cuts where its width ends, as the real ones do: by the letters' width, not by their number.
  for (const name of ["sender", "subject", "preheader"]) {
    for (const one of document.getElementsByClassName(name)) one.textContent = state[name];
  }
  // Of the mail for these readers, where nothing is written for them: the desk shows it in its fields.
  for (const name of ["subject", "preheader"]) byId(`${name}-field`).placeholder = themes().length ? state[name] : "";
  byId("size").value = state.share;
  fill("bytes", `${state.bytes.toLocaleString("en")} bytes, ${state.share} % of what Gmail shows`);
  fill("count", state.errors + state.warnings ? `(${state.errors + state.warnings})` : "");
  byId("weights").replaceChildren(...state.weights.map((one) =>
    Object.assign(document.createElement("li"), { textContent: `${one.title}: ${one.bytes.toLocaleString("en")}` })));
  if (!state.problems.length) show(true);
  fill("status", state.problems.length ? "There is a mistake; the last good page stays." : "Shown anew.");
  document.documentElement.dataset.version = state.version;
  document.dispatchEvent(new Event("renewed"));
}

for (const one of tabs) {
  one.addEventListener("click", () => choose(one.dataset.tab));
  one.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(one) + step + tabs.length) % tabs.length];
    next.focus();
    choose(next.dataset.tab);
  });
}
for (const box of document.querySelectorAll("input[name=theme]")) box.addEventListener("change", () => renew());
new EventSource("events").onmessage = () => renew();
