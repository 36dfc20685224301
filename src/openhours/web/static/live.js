// Parts of a page that stay up to date: the page is asked for again, and of what differs the parts
// marked data-live are replaced. Nothing moves under a visitor who selects, presses or types there.
import { get } from "./http.js";

const CALM = 15_000;
const BUSY = 2_000; // while something runs

const sent = new Map(); // by id, what the server wrote: scripts change what is shown
let asked = 0;
let tellReplaced = () => {};

const inUse = (part) => {
  const selection = document.getSelection();
  return (
    part.matches(":active") ||
    part.querySelector("input:focus, select:focus, textarea:focus") ||
    (!selection.isCollapsed && selection.containsNode(part, true))
  );
};

const same = (one) => (other) =>
  other.tagName === one.tagName &&
  other.getAttribute("href") === one.getAttribute("href") &&
  other.textContent === one.textContent;

// What was focused or opened in a part stays so in the one that takes its place.
function replace(part, fresh) {
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const opened = [...part.querySelectorAll("details[open] > summary")];
  part.replaceWith(fresh);
  for (const summary of fresh.querySelectorAll("summary")) {
    if (opened.some(same(summary))) summary.parentElement.open = true;
  }
  if (!focused) return;
  const again = [...fresh.querySelectorAll(focused.tagName)].find(same(focused)) ?? fresh;
  if (again === fresh) fresh.tabIndex = -1;
  again.focus({ preventScroll: true });
}

export async function refresh() {
  const mine = ++asked;
  const answer = await get(location.href, "text/html");
  if (!answer?.ok || answer.redirected) return; // the next time it may be back
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (mine !== asked) return;
  const parts = [...document.querySelectorAll("[data-live]")];
  if (!parts.some((part) => page.getElementById(part.id))) {
    location.reload(); // there was nothing, and now there is another page
    return;
  }
  let replaced = false;
  for (const part of parts) {
    const fresh = page.getElementById(part.id);
    if (!fresh || fresh.innerHTML === sent.get(part.id) || inUse(part)) continue;
    sent.set(part.id, fresh.innerHTML);
    replace(part, document.adoptNode(fresh));
    replaced = true;
  }
  if (replaced) tellReplaced();
}

// Call it before what changes those parts. `onReplaced` is called when some are new: nothing
// listens to their elements yet.
export function keepFresh(onReplaced) {
  const parts = document.querySelectorAll("[data-live]");
  if (!parts.length) return;
  for (const part of parts) sent.set(part.id, part.innerHTML);
  tellReplaced = onReplaced;
  const seen = () => document.visibilityState === "visible";
  const wait = () => {
    const pause = document.querySelector("[data-busy]") ? BUSY : CALM;
    setTimeout(async () => {
      try {
        if (seen()) await refresh();
      } finally {
        wait();
      }
    }, pause);
  };
  document.addEventListener("visibilitychange", () => seen() && refresh());
  wait();
}
