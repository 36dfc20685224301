// A store's week: the piece that is pointed at or focused says why; arrow keys move between pieces.
export function explainWeeks() {
  const why = document.querySelector("[data-why]");
  for (const day of document.querySelectorAll(".day svg")) {
    const pieces = [...day.querySelectorAll("a")];
    // One stop for Tab a day; without this script each piece is one.
    pieces.forEach((piece, n) => piece.setAttribute("tabindex", n ? -1 : 0));
    day.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const next = pieces[pieces.indexOf(document.activeElement) + step];
      if (!step || !next) return;
      event.preventDefault();
      pieces.forEach((piece) => piece.setAttribute("tabindex", piece === next ? 0 : -1));
      next.focus();
    });
    if (!why) continue;
    for (const piece of pieces) {
      const show = () => {
        document.querySelector(".day a.shown")?.classList.remove("shown");
        piece.classList.add("shown");
        why.textContent = piece.querySelector("title").textContent;
      };
      piece.addEventListener("pointerenter", show);
      piece.addEventListener("focus", show);
      piece.addEventListener("click", (event) => {
        event.preventDefault();
        history.replaceState(null, "", piece.getAttribute("href"));
        show();
      });
      if (piece.matches(":hover, :focus")) show(); // reached before this script was
    }
  }
}
