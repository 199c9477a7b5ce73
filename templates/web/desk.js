"use strict";
// The desk: what stands in issue.md and what lies beside it. Every edit is sent with the hash of the text it was made for.
const at = (id) => document.getElementById(id);
const token = document.querySelector("meta[name=desk]").content;
let desk = null;
let dragged = null;
let queue = Promise.resolve(); // looks and edits wait for each other: no answer overtakes a later one

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const say = (text) => { at("status").textContent = text; };
// The readers whose mail is shown: their sections in the order of the issue, or none for the whole issue.
const readers = () => [...document.querySelectorAll("input[name=theme]:checked")].map((box) => box.value).join("+");
// What is written above the mail of these readers; nothing, where the program makes it.
const written = (found, name, who = readers()) => (who ? (found.heads[who] || {})[name] || "" : found[name]);
const typing = () => document.activeElement && document.activeElement.closest("#words");

async function ask(path, options) {
  const answer = await fetch(path, options);
  const found = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(found.message), { status: answer.status });
  return found;
}

async function fetchDesk() {
  if (at("desk").hidden) return;
  try {
    lay(await ask("desk.json"));
    if (at("undone").dataset.of === "look") complain("");
  } catch (error) {
    complain(error.message, "look");
  }
}
const look = () => { queue = queue.then(fetchDesk); };

// `make` gives the edit, from the desk as it is when all edits before it are done; nothing if it no longer fits.
const edit = (make, focus) => { queue = queue.then(() => send(make(), focus)); };

async function send(what, focus) {
  if (!what) return;
  try {
    const found = await ask("desk", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Desk": token },
      body: JSON.stringify({ ...what, sha: desk.sha }),
    });
    acknowledge(what, found);
    lay(found, focus);
    complain("");
    say(what.do === "undo" ? "Undone." : `Done: ${desk.undo}.`);
  } catch (error) {
    complain(error.message);
    if (error.status === 409) await fetchDesk();
  }
}

// Where a post of the issue is now: its section, its place in it, itself.
function find(id) {
  for (const [number, part] of desk.sections.entries()) {
    const place = part.posts.findIndex((post) => post.id === id);
    if (place >= 0) return { number, part, place, post: part.posts[place] };
  }
  complain("That post is not in the issue any more.");
  return null;
}
const editOf = (id, make) => edit(() => { const found = find(id); return found && make(found); }, id);

function complain(text, of = "") {
  at("undone").textContent = text;
  at("undone").dataset.of = of;
  at("undone").className = text ? "bad" : "";
  if (text) say(text);
}

// --- what is shown -----------------------------------------------------------------------------------------------

function lay(found, focus) {
  // Drawn anew only if something is different: a button that has the focus keeps it.
  if (desk && JSON.stringify(found) === JSON.stringify(desk)) return;
  const stays = focus || (document.activeElement.closest("#desk li") || { dataset: {} }).dataset.id;
  desk = found;
  at("undo").disabled = !desk.undo;
  at("undo").title = desk.undo ? `Undo: ${desk.undo}` : "";
  for (const name of ["subject", "preheader"]) {
    const field = at(`${name}-field`);
    // What somebody has typed stays, wherever the focus is, until it is saved or taken back.
    if (field.dataset.saved === undefined || field.value === field.dataset.saved) {
      field.value = field.dataset.saved = written(desk, name);
    }
    count(name);
  }
  at("sections").replaceChildren(...desk.sections.map(section));
  at("beside-posts").replaceChildren(...desk.beside.map(beside));
  at("beside-none").hidden = desk.beside.length > 0 || desk.trouble !== "";
  at("beside-trouble").textContent = desk.trouble;
  if (stays) {
    const row = [...document.querySelectorAll("#desk li")].find((one) => one.dataset.id === stays);
    if (row && !typing()) row.focus({ preventScroll: true });
  }
  at("desk").dataset.sha = desk.sha;
}

function count(name) {
  const field = at(`${name}-field`);
  const length = [...(field.value || field.placeholder)].length;
  const [least, most] = name === "subject" ? [1, 78] : [40, 130];
  at(`${name}-length`).textContent = `${length} of ${least > 1 ? `${least} to ` : ""}${most} characters`;
  at(`${name}-length`).className = length < least || length > most ? "bad" : "";
}

const titleOf = (slug) => (desk.themes.find((one) => one.slug === slug) || { title: slug }).title;

function section(one) {
  const list = make("ol", {}, ...one.posts.map((post) => inIssue(post, one.slug)));
  list.dataset.section = one.slug;
  const part = make("section", {}, make("h2", { textContent: one.title }), list);
  part.dataset.section = one.slug;
  part.addEventListener("dragover", (event) => over(event, part));
  part.addEventListener("drop", (event) => drop(event, one.slug, null));
  return part;
}

function row(id, title, ...parts) {
  const item = make("li", { tabIndex: 0, draggable: true },
    make("span", { className: "title", textContent: title }), ...parts.filter(Boolean));
  item.dataset.id = id;
  item.addEventListener("dragend", () => { dragged = null; unmark(); });
  return item;
}

function tool(label, name, does) {
  const button = make("button", { type: "button", textContent: label });
  button.setAttribute("aria-label", name);
  button.addEventListener("click", does);
  return button;
}

function choice(label, chosen, does) {
  const select = make("select", {}, ...desk.themes.map((one) => make("option", { value: one.slug, textContent: one.title, selected: one.slug === chosen })));
  select.setAttribute("aria-label", label);
  if (does) select.addEventListener("change", () => does(select.value));
  return select;
}

const note = (text, name = "note") => make("small", { className: name, textContent: text });

function inIssue(post, slug) {
  const { id } = post;
  const moves = { up: () => step(id, -1), down: () => step(id, 1) };
  const leave = () => editOf(id, (found) => ({ do: "drop", line: found.post.line }));
  const why = () => { const found = find(id); if (found) explain({ line: found.post.line }); };
  const item = row(id, post.title,
    post.moved && note(`by its words: ${titleOf(post.theme)}`),
    ...post.off.map((text) => note(`of another theme: “${text}”`)),
    make("span", { className: "tools" },
      tool("↑", `Move “${post.title}” up`, moves.up), tool("↓", `Move “${post.title}” down`, moves.down),
      choice(`Section of “${post.title}”`, slug, (to) => editOf(id, (found) => ({ do: "move", line: found.post.line, section: to }))),
      tool("Why", `Why “${post.title}” is here`, why), tool("Leave out", `Leave out “${post.title}”`, leave)));
  item.addEventListener("dragstart", (event) => drag(event, item, { id }));
  item.addEventListener("dragover", (event) => over(event, item));
  item.addEventListener("drop", (event) => drop(event, slug, { id, below: lower(event, item) }));
  item.addEventListener("keydown", (event) => {
    if (event.target !== item) return;
    const does = event.altKey ? { ArrowUp: moves.up, ArrowDown: moves.down }[event.key] : { Enter: why, Delete: leave }[event.key];
    if (does) { event.preventDefault(); does(); }
  });
  return item;
}

function beside(post) {
  const told = { new: "collected since", dropped: "left out", repeats: post.note, older: post.note }[post.kind];
  const select = choice(`Section for “${post.title}”`, desk.themes.some((one) => one.slug === post.theme) ? post.theme : "unsorted");
  const put = () => edit(() => ({ do: "put", key: post.key, section: select.value }), post.key);
  const item = row(post.key, post.title, note(told, post.kind),
    make("span", { className: "tools" },
      post.kind === "repeats" && post.line ? tool("Add as a source", `Add ${post.site} to the sources of the post that “${post.title}” repeats`, () => edit(() => ({ do: "also", line: post.line, key: post.key }))) : "",
      select, tool(post.kind === "dropped" ? "Restore" : "Put in", `${post.kind === "dropped" ? "Restore" : "Put in"} “${post.title}”`, put),
      post.why ? tool("Why", `Why “${post.title}” would go there`, () => explain({ key: post.key })) : ""));
  item.addEventListener("dragstart", (event) => drag(event, item, { key: post.key }));
  item.addEventListener("keydown", (event) => { if (event.target === item && event.key === "Enter" && post.why) { event.preventDefault(); explain({ key: post.key }); } });
  return item;
}

// --- moving ------------------------------------------------------------------------------------------------------

// One step up or down: past a neighbour, or over the edge into the next section.
const step = (id, by) => editOf(id, ({ number, part, place, post }) => {
  const move = (section, next) => ({ do: "move", line: post.line, section: section.slug, before: next ? next.line : null });
  if (part.posts[place + by]) return move(part, part.posts[by < 0 ? place - 1 : place + 2]);
  const beyond = desk.sections[number + by];
  if (!beyond) { say("It is at the edge of the issue already."); return null; }
  return move(beyond, by > 0 ? beyond.posts[0] : null);
});

function drag(event, item, what) {
  dragged = what;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", item.querySelector(".title").textContent);
}

const lower = (event, item) => { const box = item.getBoundingClientRect(); return event.clientY > box.top + box.height / 2; };

function unmark() { for (const one of document.querySelectorAll(".above, .below, .into")) one.classList.remove("above", "below", "into"); }

function over(event, element) {
  if (!dragged) return;
  event.preventDefault();
  event.stopPropagation();
  unmark();
  element.classList.add(element.tagName !== "LI" ? "into" : lower(event, element) ? "below" : "above");
}

// `near` is the post that it was let go on, and whether on its lower half; none for the end of the section.
function drop(event, slug, near) {
  event.preventDefault();
  event.stopPropagation();
  unmark();
  const what = dragged;
  dragged = null;
  if (!what) return;
  const before = () => {
    const found = near && find(near.id);
    const next = found && found.part.posts[found.place + (near.below ? 1 : 0)];
    return next ? next.line : null;
  };
  if (what.key) edit(() => ({ do: "put", key: what.key, section: slug, before: before() }), what.key);
  else editOf(what.id, (found) => ({ do: "move", line: found.post.line, section: slug, before: before() }));
}

at("beside").addEventListener("dragover", (event) => { if (dragged && dragged.id) over(event, at("beside")); });
at("beside").addEventListener("drop", (event) => {
  event.preventDefault();
  unmark();
  if (dragged && dragged.id) editOf(dragged.id, (found) => ({ do: "drop", line: found.post.line }));
  dragged = null;
});

// --- why ---------------------------------------------------------------------------------------------------------

async function explain(post) {
  let found;
  try {
    found = await ask(`why.json?${new URLSearchParams(post)}`);
  } catch (error) {
    return complain(error.message);
  }
  const because = { editor: "as its front matter says", words: `its words lead by ${Math.round(found.margin * 100)} %`,
    learned: `it is like posts that were sorted by hand, and leads by ${Math.round(found.margin * 100)} %`, nobody: "no theme wins clearly" }[found.by];
  at("why-title").textContent = found.title;
  at("why-verdict").textContent = `${titleOf(found.theme)}: ${because}.`;
  at("why-scores").replaceChildren(...found.scores.map((one) => make("tr", {},
    make("th", { scope: "row", textContent: one.title }), make("td", { textContent: one.points.toLocaleString("en") }),
    make("td", { textContent: [one.words.join(", "), one.learned && `learned ${one.learned.toLocaleString("en")}`, one.note].filter(Boolean).join(" – ") }))));
  const best = found.scores.length ? found.scores[0].theme : "";
  at("why-text").replaceChildren(...found.text.map(([text, themes]) => themes.length
    ? make("mark", { textContent: text, title: themes.map((one) => titleOf(one)).join(", "), className: themes.includes(best) ? "best" : "other" })
    : document.createTextNode(text)));
  at("why").showModal();
}

// --- words and keys ----------------------------------------------------------------------------------------------

// What was saved is what the field shows now, unless somebody has typed on.
function acknowledge(what, found) {
  if (what.do !== "subject" && what.do !== "preheader") return;
  const field = at(`${what.do}-field`);
  if ((what.section || "") !== readers()) return;
  if (field.value === what.value) field.value = written(found, what.do);
  field.dataset.saved = written(found, what.do);
}

// `field.dataset.saved` is what stood there when the typing began. If it is something else by now, both are shown first.
function save(name, field, again) {
  // Whose it is and what it says is settled now: until its turn comes, other readers may have been chosen.
  const section = readers(), value = field.value, saved = field.dataset.saved;
  edit(() => {
    const there = written(desk, name, section);
    if (value === saved || value === there) return null;
    if (there !== saved && !again) {
      complain(`The ${name} was changed meanwhile to “${there}”. Enter writes yours over it, Escape takes theirs.`);
      field.dataset.asked = "yes";
      return null;
    }
    field.dataset.asked = "";
    return { do: name, value, section };
  });
}

for (const name of ["subject", "preheader"]) {
  const field = at(`${name}-field`);
  field.addEventListener("input", () => count(name));
  field.addEventListener("change", () => { if (!field.dataset.asked) save(name, field, false); });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") { event.preventDefault(); save(name, field, Boolean(field.dataset.asked)); }
    if (event.key === "Escape") {
      field.value = field.dataset.saved = written(desk, name);
      field.dataset.asked = "";
      complain("");
      count(name);
    }
  });
}
for (const box of document.querySelectorAll("input[name=theme]")) {
  box.addEventListener("change", () => {
    const names = [...document.querySelectorAll("input[name=theme]:checked")].map((one) => one.parentElement.textContent.trim());
    at("words-for").textContent = names.length ? `For readers of ${names.join(", ")}` : "For readers of the whole issue";
    for (const name of desk ? ["subject", "preheader"] : []) {
      const field = at(`${name}-field`);
      field.value = field.dataset.saved = written(desk, name);
    }
  });
}
document.addEventListener("renewed", () => ["subject", "preheader"].forEach(count));
at("words").addEventListener("submit", (event) => event.preventDefault());
at("undo").addEventListener("click", () => edit(() => ({ do: "undo" })));
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !typing() && !at("desk").hidden && desk && desk.undo) {
    event.preventDefault();
    edit(() => ({ do: "undo" }));
  }
});
function open(yes) {
  at("desk").hidden = !yes;
  at("desk-open").setAttribute("aria-expanded", String(yes));
  try { localStorage.setItem("desk", yes ? "open" : ""); } catch { /* a browser that remembers nothing */ }
  look();
}
at("desk-open").addEventListener("click", () => open(at("desk").hidden));
let wanted = "";
try { wanted = localStorage.getItem("desk") || ""; } catch { /* as above */ }
if (wanted) open(true);
document.addEventListener("renewed", look);
