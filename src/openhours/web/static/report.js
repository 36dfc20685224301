// Generating a report: trigger, follow, download.
import { Progress, post, problem, root, sleep } from "./http.js";
import { refresh } from "./live.js";

const RETRY_AFTER = 1500;

// Follow a report by its events; return what the last one tells. A lost connection comes back by
// itself, a refused one is tried again.
async function follow(reportId, progress) {
  for (;;) {
    const report = await events(reportId, (told) =>
      progress.show("Computing", told.progress),
    );
    if (report) return report;
    progress.show("The server does not answer; trying again …", 0);
    await sleep(RETRY_AFTER);
  }
}

function events(reportId, onProgress) {
  return new Promise((resolve) => {
    const source = new EventSource(`${root}/reports/${reportId}/events`);
    const done = (report) => {
      source.close();
      resolve(report);
    };
    source.addEventListener("progress", (event) => onProgress(JSON.parse(event.data)));
    source.addEventListener("end", (event) => done(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) done(null);
    });
  });
}

export function watchGenerate() {
  const form = document.querySelector("form[data-generate]");
  if (!form) return;
  const progress = new Progress(form.parentElement.querySelector("[data-progress]"));
  const button = form.querySelector("button");
  let running = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running) return;
    running = true;
    button.setAttribute("aria-disabled", "true"); // a disabled one would lose the focus
    try {
      await generate(progress, { intervals: true, outages: form.elements.outages.checked });
    } catch (error) {
      progress.show(`Not started: ${error.message}`);
    } finally {
      running = false;
      button.removeAttribute("aria-disabled");
      await refresh();
    }
  });
}

async function generate(progress, options) {
  progress.show("Queued", 0);
  const body = new Blob([JSON.stringify(options)], { type: "application/json" });
  const answer = await post(`${root}/trigger_report`, body);
  if (!answer.ok) throw new Error(await problem(answer));
  const { report_id: reportId } = await answer.json();
  const report = await follow(reportId, progress);
  if (report.status !== "Complete") {
    progress.show(report.error ? `Failed: ${report.error}` : "The report was removed.");
    return;
  }
  const count = report.row_count;
  progress.show(
    `Complete: ${count.toLocaleString("en")} ${count === 1 ? "store" : "stores"}.`,
    1,
    [`${root}/get_report/${reportId}`, "Download CSV", true],
    [`${root}/reports/${reportId}`, "Open report"],
  );
}

export async function watchReport() {
  const box = document.querySelector("[data-watch-report]");
  if (!box) return;
  await follow(box.dataset.watchReport, new Progress(box));
  location.reload();
}
