// Generating a report: trigger, follow, download.
import { follow } from "./follow.js";
import { Progress, post, problem, root } from "./http.js";
import { refresh } from "./live.js";

const computing = (progress) => (report) =>
  report
    ? progress.show("Computing", report.progress)
    : progress.show("The server does not answer; trying again …", 0);

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
  const report = await follow(`/reports/${reportId}/events`, computing(progress));
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
  await follow(`/reports/${box.dataset.watchReport}/events`, computing(new Progress(box)));
  location.reload();
}
