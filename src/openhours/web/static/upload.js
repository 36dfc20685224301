// Uploading a file: choose or drop, send, follow, and show what is wrong in it.
import { follow } from "./follow.js";
import { Progress, get, problem, root, token } from "./http.js";
import { refresh } from "./live.js";
import { sniff } from "./sniff.js";

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

// Until it is loaded or refused. A server that is away goes on with the file when it is back.
const loaded = (id, progress) =>
  follow(`/ingestions/${id}/events`, (file) => {
    const words = file?.state === "queued" ? "Waiting for its turn" : "Loading";
    progress.show(words, file?.progress ?? 0);
  });

function summary(file) {
  const counts = ["loaded", "unchanged", "rejected"].map((name) => file[name].toLocaleString("en"));
  return `${file.name}: ${counts[0]} loaded, ${counts[1]} already loaded, ${counts[2]} rejected.`;
}

// The server writes advice and rejected rows, as for the file's own page.
async function showOutcome(place, id) {
  const answer = await get(`${root}/files/${id}`, "text/html");
  if (!answer) return; // the file is loaded all the same, and a link leads to its page
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
    this.kept = [];
    this.input = form.querySelector("input[type=file]");
  }

  // Files that come together; what was wrong is told of all of them. `others` were kept before.
  async take(files, chosen = this.kinds.value, others = []) {
    this.keep([]);
    const refused = [];
    const tellRefused = () => this.progress.show(refused.map(({ wrong }) => wrong).join("\n"));
    for (const file of files) {
      const { wrong, again } = await this.takeOne(file, chosen);
      if (wrong) {
        refused.push({ wrong, file, again });
        tellRefused();
      }
      await refresh();
    }
    if (refused.length) tellRefused();
    this.keep([...refused.filter(({ again }) => again).map(({ file }) => file), ...others]);
  }

  // Load it; or return in words what is `wrong`, and whether choosing the type `again` may help.
  async takeOne(file, chosen) {
    this.outcome.replaceChildren();
    const { kind, problem: wrong, again } = chosen ? { kind: chosen } : await sniff(file);
    if (wrong) return { wrong, again };
    try {
      await this.load(file, kind);
      return {};
    } catch (error) {
      return { wrong: `${file.name} was not loaded: ${error.message}`, again: true };
    }
  }

  async load(file, kind) {
    const url = `${root}/ingest/${kind}?name=${encodeURIComponent(file.name)}`;
    const answer = await send(url, file, (share) =>
      this.progress.show(`Sending ${file.name}`, share),
    );
    if (!answer.ok) throw new Error(await problem(answer));
    const { ingestion_id: id } = await answer.json();
    const done = await loaded(id, this.progress);
    if (done.state !== "complete") throw new Error(done.error ?? "it was removed");
    this.progress.show(summary(done), 1, [`${root}/files/${id}`, "Details"]);
    if (done.rejected || done.advice) await showOutcome(this.outcome, id);
  }

  // Files that another type may suit need not be chosen again: the page asks for the first one's.
  keep(files) {
    this.kept = files;
    if (!files.length && this.choice.contains(document.activeElement)) this.input.focus();
    this.choice.hidden = !files.length;
    this.choice.querySelector("strong").textContent = files[0]?.name ?? "";
  }
}

export function watchUpload() {
  const form = document.querySelector("form[data-upload]");
  if (!form) return;
  const upload = new Upload(form);
  const { input } = upload;

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const [file, ...others] = upload.kept;
    if (file) upload.take([file], event.submitter.value, others);
  });
  input.addEventListener("change", async () => {
    if (input.files.length) await upload.take(input.files);
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
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    if (event.dataTransfer.files.length) upload.take([...event.dataTransfer.files]);
  });
}

export async function watchFile() {
  const box = document.querySelector("[data-watch-file]");
  if (!box) return;
  await loaded(box.dataset.watchFile, new Progress(box));
  location.reload();
}
