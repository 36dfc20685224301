// Generating a report: trigger, follow, download.
import { Progress, post, problem, root, sleep } from "./http.js";

const INTERVAL = 300;

async function follow(reportId, progress) {
  for (;;) {
    let answer;
    try {
      // A description, not the rows: those are for the download.
      answer = await fetch(`${root}/get_report/${reportId}`, {
        headers: { Accept: "application/json" },
      });
    } catch {
      progress.show("The server does not answer; trying again …", 0);
      await sleep(5 * INTERVAL);
      continue;
    }
    if (answer.status === 503) {
      await sleep(5 * INTERVAL);
      continue;
    }
    const report = await answer.json();
    if (report.status !== "Running") return report;
    progress.show(`Computing: ${Math.floor(report.progress * 100)} %`, report.progress);
    await sleep(INTERVAL);
  }
}

export function watchGenerate() {
  const form = document.querySelector("form[data-generate]");
  if (!form) return;
  const progress = new Progress(form.parentElement.querySelector("[data-progress]"));
  const button = form.querySelector("button");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    progress.show("Queued", 0);
    try {
      const answer = await post(`${root}/trigger_report`);
      if (!answer.ok) {
        progress.show(`Not started: ${await problem(answer)}`);
        return;
      }
      const { report_id: reportId } = await answer.json();
      const report = await follow(reportId, progress);
      if (report.status === "Complete") {
        progress.show(`Complete: ${report.row_count.toLocaleString("en")} stores.`, 1);
        progress.link(`${root}/get_report/${reportId}`, "Download CSV", true);
        progress.link(`${root}/reports/${reportId}`, "Look at it");
      } else {
        progress.show(`Failed: ${report.error ?? report.detail}`);
      }
    } catch (error) {
      progress.show(`Not started: ${error.message}`);
    } finally {
      button.disabled = false;
    }
  });
}

export async function watchReport() {
  const box = document.querySelector("[data-watch-report]");
  if (!box) return;
  await follow(box.dataset.watchReport, new Progress(box));
  location.reload();
}
