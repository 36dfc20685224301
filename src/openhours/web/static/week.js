// A store's week: a bubble at the block that is pointed at, tapped or focused says why it counts as
// it does. Escape closes it; arrow keys, Home and End move between blocks.
const GAP = 8;

let bubble = null; // one for the page, also after a part of it was replaced
let shown = null;
const explained = new WeakSet(); // the first blocks of the days that listen
let held = null; // what was tapped or has the focus: its bubble stays when the pointer leaves

const clamp = (value, low, high) => Math.max(low, Math.min(value, high));

function show(piece, x = null) {
  hide();
  shown = piece;
  piece.classList.add("shown");
  bubble.textContent = piece.getAttribute("aria-label");
  bubble.hidden = false;
  const block = piece.getBoundingClientRect();
  const { width, height } = bubble.getBoundingClientRect();
  const middle = x ?? block.left + block.width / 2;
  const most = document.documentElement.clientWidth - width - GAP;
  const above = block.top - GAP - height;
  const fits = block.bottom + GAP + height <= innerHeight || above < 0;
  bubble.style.left = `${clamp(middle - width / 2, GAP, most) + scrollX}px`;
  bubble.style.top = `${(fits ? block.bottom + GAP : above) + scrollY}px`;
}

function hide() {
  shown?.classList.remove("shown");
  shown = null;
  bubble.hidden = true;
}

// Back to the one that is held, if there is one.
function leave() {
  if (held?.isConnected) show(held);
  else hide();
}

function makeBubble() {
  bubble = document.createElement("p");
  bubble.className = "why bubble";
  bubble.setAttribute("role", "tooltip");
  bubble.addEventListener("pointerleave", leave);
  document.querySelector("main").append(bubble);
  const close = () => {
    held = null;
    hide();
  };
  document.addEventListener("keydown", (event) => event.key === "Escape" && close());
  document.addEventListener("pointerdown", (event) => {
    if (!event.target.closest(".day a, .bubble")) close();
  });
  addEventListener("resize", close);
}

function explain(piece) {
  piece.addEventListener("pointerenter", (event) => {
    if (event.pointerType === "mouse") show(piece, event.clientX);
  });
  piece.addEventListener("pointerleave", (event) => {
    if (shown === piece && event.relatedTarget !== bubble) leave();
  });
  piece.addEventListener("focus", () => show((held = piece)));
  piece.addEventListener("blur", () => {
    if (held === piece) held = null;
    if (shown === piece) hide();
  });
  piece.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    history.replaceState(null, "", piece.getAttribute("href"));
    show((held = piece), event.clientX || null);
  });
  // Reached before this script was, or where the block was that this one takes the place of.
  if (piece.matches(":focus")) show((held = piece));
  else if (piece.matches(":hover")) show(piece);
}

// The blocks of each day that has any.
const daysShown = () =>
  [...document.querySelectorAll(".day svg")]
    .map((day) => [...day.querySelectorAll("a")])
    .filter((pieces) => pieces.length);

// The block of another day that is at the same time of day, or the nearest to it.
function beside(piece, pieces) {
  const middle = (one) => {
    const { left, width } = one.getBoundingClientRect();
    return left + width / 2;
  };
  const off = (one) => Math.abs(middle(one) - middle(piece));
  return pieces?.reduce((best, one) => (off(one) < off(best) ? one : best));
}

function next(key, piece) {
  const days = daysShown();
  const day = days.findIndex((pieces) => pieces.includes(piece));
  const pieces = days[day];
  const place = pieces.indexOf(piece);
  switch (key) {
    case "ArrowRight":
      return pieces[place + 1];
    case "ArrowLeft":
      return pieces[place - 1];
    case "Home":
      return pieces[0];
    case "End":
      return pieces.at(-1);
    case "ArrowUp":
      return beside(piece, days[day - 1]);
    case "ArrowDown":
      return beside(piece, days[day + 1]);
  }
}

// Of a page, and again of the parts that took the place of others.
export function explainWeeks() {
  const days = daysShown();
  if (!days.length) return;
  const asked = document.querySelector(".week #why");
  const begins = !bubble;
  if (begins) makeBubble();
  if (!shown?.isConnected) hide();
  for (const pieces of days) {
    if (explained.has(pieces[0])) continue;
    explained.add(pieces[0]);
    // One stop for Tab a day; without this script each block is one.
    const enter = (piece) =>
      pieces.forEach((one) => one.setAttribute("tabindex", one === piece ? 0 : -1));
    enter(pieces.find((one) => one.matches(":focus")) ?? pieces[0]);
    pieces.forEach((piece) => {
      explain(piece);
      piece.addEventListener("focus", () => enter(piece));
      piece.addEventListener("keydown", (event) => {
        const to = next(event.key, piece);
        if (!to || to === piece) return;
        event.preventDefault();
        to.focus();
      });
    });
  }
  if (!asked) return;
  // The server has told it below the day; here it is told at the block.
  const piece = document.querySelector(".day a.asked");
  asked.hidden = Boolean(piece);
  if (piece && begins) {
    piece.scrollIntoView({ block: "center" });
    show((held = piece));
  }
}
