// Uploading a file: choose or drop, send, follow, and show what is wrong in it.
import { Progress, problem, root, sleep, token } from "./http.js";
import { refresh } from "./live.js";
import { sniff } from "./sniff.js";

const INTERVAL = 300;

// XMLHttpRequest, since fetch does not tell how much has been sent.
function send(url, file, tell) {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("X-CSRF-Token", token());
    request.upload.onprogress = (event) => tell(event.loaded / (event.total || 1));
    request.onload = () => done(new Response(request.responseText, { status: request.status }));
    request.onerror = () => fail(new Error("the server cannot be reached"));
    request.send(file);
  });
}

async function follow(id, progress) {
  for (;;) {
    const answer = await fetch(`${root}/ingestions/${id}`);
    if (!answer.ok && answer.status !== 503) throw new Error(await problem(answer));
    const file = answer.ok ? await answer.json() : { state: "running", progress: 0 };
    if (file.state === "complete" || file.state === "failed") return file;
    const words = file.state === "queued" ? "Waiting for its turn" : "Loading";
    progress.show(words, file.progress);
    await sleep(INTERVAL);
  }
}

function summary(file) {
  const counts = ["loaded", "unchanged", "rejected"].map((name) => file[name].toLocaleString("en"));
  return `${file.name}: ${counts[0]} loaded, ${counts[1]} already loaded, ${counts[2]} rejected.`;
}

// The server writes advice and rejected rows, as for the file's own page.
async function showOutcome(place, id) {
  const answer = await fetch(`${root}/files/${id}`, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const outcome = page.getElementById("outcome");
  if (outcome) place.replaceChildren(document.adoptNode(outcome));
}

class Upload {
  constructor(form) {
    const card = form.parentElement;
    this.progress = new Progress(card.querySelector("[data-progress]"));
    this.outcome = card.querySelector("[data-outcome]");
    this.kinds = form.querySelector("select");
    this.choice = form.querySelector("[data-kept]");
  }

  async take(file, chosen = this.kinds.value) {
    this.outcome.replaceChildren();
    this.keep(null);
    const { kind, problem: wrong, again } = chosen ? { kind: chosen } : await sniff(file);
    if (wrong) {
      this.progress.show(wrong);
      if (again) this.keep(file);
      return;
    }
    try {
      await this.load(file, kind);
    } catch (error) {
      this.progress.show(`${file.name} was not loaded: ${error.message}`);
      this.keep(file);
    }
    await refresh();
  }

  async load(file, kind) {
    const url = `${root}/ingest/${kind}?name=${encodeURIComponent(file.name)}`;
    const answer = await send(url, file, (share) =>
      this.progress.show(`Sending ${file.name}`, share),
    );
    if (!answer.ok) throw new Error(await problem(answer));
    const { ingestion_id: id } = await answer.json();
    const done = await follow(id, this.progress);
    if (done.state === "failed") throw new Error(done.error);
    this.progress.show(summary(done), 1, [`${root}/files/${id}`, "Details"]);
    if (done.rejected || done.advice) await showOutcome(this.outcome, id);
  }

  // A file that another type may suit need not be chosen again.
  keep(file) {
    this.kept = file;
    this.choice.hidden = !file;
    this.choice.querySelector("strong").textContent = file?.name ?? "";
  }
}

export function watchUpload() {
  const form = document.querySelector("form[data-upload]");
  if (!form) return;
  const upload = new Upload(form);
  const input = form.querySelector("input[type=file]");

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (upload.kept) upload.take(upload.kept, event.submitter.value);
  });
  input.addEventListener("change", async () => {
    if (input.files.length) await upload.take(input.files[0]);
    input.value = "";
  });
  for (const type of ["dragenter", "dragover"]) {
    document.addEventListener(type, (event) => {
      event.preventDefault();
      form.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) form.classList.remove("over");
  });
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    form.classList.remove("over");
    for (const file of event.dataTransfer.files) await upload.take(file);
  });
}

export async function watchFile() {
  const box = document.querySelector("[data-watch-file]");
  if (!box) return;
  await follow(box.dataset.watchFile, new Progress(box));
  location.reload();
}
