// Follows the worker, and lets forms act in place. Everything also works without this script.
"use strict";

const INTERVAL_MS = 3000;
const main = document.getElementById("main");
const link = document.getElementById("link");
let looks = 0; // of looks, the last one is shown, unless an act was answered since it began
let acts = 0; // of acts, the last one's answer is shown

async function load(url, options) {
  const response = await fetch(url, { headers: { Accept: "text/html" }, ...options });
  const text = await response.text();
  if (!(response.headers.get("Content-Type") || "").startsWith("text/html")) {
    throw new Error(text);
  }
  const found = new DOMParser().parseFromString(text, "text/html");
  return { response, found, next: found.getElementById("main") };
}

// Makes one tree like another and keeps what is the same: focus, opened details, half-filled forms.
// What the last act was answered with stays until the next one.
function follow(old, next, keepsTold) {
  if (keepsTold && old.id === "told" && !("passing" in old.dataset)) return;
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const named = new Map();
  for (const child of old.children) if (mark(child)) named.set(mark(child), child);
  let place = old.firstChild;
  for (const wanted of [...next.childNodes]) {
    const key = mark(wanted);
    const same = key ? named.get(key) : place && isLike(place, wanted) ? place : null;
    if (!same) {
      old.insertBefore(document.adoptNode(wanted), place);
      continue;
    }
    if (same !== place) old.insertBefore(same, place);
    if (same.nodeType === Node.ELEMENT_NODE) follow(same, wanted, keepsTold);
    else if (same.data !== wanted.data) same.data = wanted.data;
    place = same.nextSibling;
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    gone.remove();
  }
}

function mark(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.dataset.key || node.id || null : null;
}

function isLike(one, other) {
  return one.nodeName === other.nodeName && !mark(one) && !mark(other);
}

async function refresh() {
  if (!("live" in main.dataset) || document.hidden) return;
  const own = ++looks;
  try {
    const { response, next } = await load(location.href);
    if (own === looks && next && (response.ok || [404, 503].includes(response.status))) follow(main, next, true);
    link.textContent = "";
  } catch {
    link.textContent = "The worker does not answer; what is shown may be old.";
  }
}

async function act(form, button) {
  button.setAttribute("aria-busy", "true");
  const own = ++acts;
  try {
    const body = new URLSearchParams(new FormData(form));
    const { found, next } = await load(form.action, { method: "POST", body });
    looks += 1;
    if (own === acts && next) {
      follow(main, next, false);
      document.title = found.title;
      document.getElementById("told")?.scrollIntoView({ block: "nearest" });
      if (!document.contains(button)) main.focus({ preventScroll: true });
    }
    link.textContent = "";
  } catch {
    link.textContent = "The worker did not answer; whether it has done this will show here.";
  } finally {
    button.removeAttribute("aria-busy");
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || !("live" in main.dataset)) return; // else it leads to another page
  event.preventDefault();
  const button = event.submitter || form.querySelector("button");
  if (button.getAttribute("aria-busy") !== "true") act(form, button);
});

// What the address says of the last act is shown once: not again after a reload.
if (new URLSearchParams(location.search).has("said")) history.replaceState(null, "", location.pathname);
setInterval(refresh, INTERVAL_MS);
document.addEventListener("visibilitychange", refresh);
