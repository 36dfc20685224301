// Uploading a file: choose or drop, send, follow, and show the rejected rows.
import { Progress, problem, root, sleep, token } from "./http.js";

const INTERVAL = 300;
const HEADER = 4096;

// Columns tell what a file holds; where they cannot be read, its name may. Labels have any columns.
const LABELS = /^labels/i;
const COLUMNS = {
  status: /\btimestamp_utc\b/,
  hours: /\b(day|dayOfWeek)\b/,
  special_hours: /\bstart_time_local\b/,
  timezones: /\btimezone_str\b/,
};
const NAMES = {
  status: /status|poll|observ/i,
  special_hours: /special|holiday/i,
  hours: /hour/i,
  timezones: /zone|tz/i,
};

async function header(file) {
  try {
    if (/\.gz$/i.test(file.name)) {
      const stream = file.slice(0, 65536).stream().pipeThrough(new DecompressionStream("gzip"));
      const { value } = await stream.getReader().read();
      return new TextDecoder().decode(value.slice(0, HEADER));
    }
    if (/\.zip$/i.test(file.name)) return "";
    return await file.slice(0, HEADER).text();
  } catch {
    return "";
  }
}

async function guess(file) {
  if (LABELS.test(file.name)) return "labels";
  const line = (await header(file)).split(/\r?\n/, 1)[0];
  for (const [kind, column] of Object.entries(COLUMNS)) if (column.test(line)) return kind;
  for (const [kind, name] of Object.entries(NAMES)) if (name.test(file.name)) return kind;
  return null;
}

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
    progress.show(`${words}: ${Math.floor(file.progress * 100)} %`, file.progress);
    await sleep(INTERVAL);
  }
}

function summary(file) {
  if (file.state === "failed") return `Not loaded: ${file.error}`;
  const counts = ["loaded", "unchanged", "rejected"].map((name) => file[name].toLocaleString("en"));
  return `${file.name}: ${counts[0]} loaded, ${counts[1]} known before, ${counts[2]} rejected.`;
}

// The server writes the list of rejects, as for the file's own page.
async function showRejects(place, id) {
  const answer = await fetch(`${root}/files/${id}`, { headers: { Accept: "text/html" } });
  const page = await answer.text();
  const rejects = new DOMParser().parseFromString(page, "text/html").getElementById("rejects");
  place.replaceChildren(document.importNode(rejects, true));
}

export function watchUpload() {
  const form = document.querySelector("form[data-upload]");
  if (!form) return;
  const card = form.parentElement;
  const progress = new Progress(card.querySelector("[data-progress]"));
  const rejects = card.querySelector("[data-rejects]");
  const input = form.querySelector("input[type=file]");
  const kinds = form.querySelector("select");

  async function take(file) {
    rejects.replaceChildren();
    const kind = kinds.value || (await guess(file));
    if (!kind) {
      progress.show(`What does ${file.name} hold? Choose it, then upload the file again.`);
      kinds.focus();
      return;
    }
    try {
      const url = `${root}/ingest/${kind}?name=${encodeURIComponent(file.name)}`;
      const answer = await send(url, file, (share) =>
        progress.show(`Sending ${file.name}: ${Math.floor(share * 100)} %`, share),
      );
      if (!answer.ok) throw new Error(await problem(answer));
      const { ingestion_id: id } = await answer.json();
      const done = await follow(id, progress);
      progress.show(summary(done), done.state === "complete" ? 1 : undefined);
      progress.link(`${root}/files/${id}`, "More");
      if (done.rejected) await showRejects(rejects, id);
    } catch (error) {
      progress.show(`Not loaded: ${error.message}`);
    }
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  input.addEventListener("change", async () => {
    if (input.files.length) await take(input.files[0]);
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
    for (const file of event.dataTransfer.files) await take(file);
  });
}

export async function watchFile() {
  const box = document.querySelector("[data-watch-file]");
  if (!box) return;
  await follow(box.dataset.watchFile, new Progress(box));
  location.reload();
}
