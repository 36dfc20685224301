// The running clock: what had elapsed when the page was made, by the server's clock, and since.
const two = (n) => String(n).padStart(2, "0");

export function runClocks() {
  for (const clock of document.querySelectorAll("[data-elapsed-ms]")) {
    const before = Number(clock.dataset.elapsedMs) - performance.now();
    const show = () => {
      const seconds = Math.floor((before + performance.now()) / 1000);
      const hours = Math.floor(seconds / 3600);
      clock.textContent = `${two(hours)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
    };
    show();
    setInterval(show, 250);
  }
}
