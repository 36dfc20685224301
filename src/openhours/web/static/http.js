// This file is /static/<version>/http.js of the service, which a proxy may serve below a path.
export const root = new URL("../..", import.meta.url).pathname.slice(0, -1);

// Asking the server: what is posted carries the page's token.
export const token = () => document.querySelector("meta[name=csrf-token]").content;

export async function post(url, body) {
  return fetch(url, { method: "POST", headers: { "X-CSRF-Token": token() }, body });
}

// Return an answer that has come whole; nothing if the server is away, or goes away meanwhile.
export async function get(url, accept = "application/json") {
  try {
    const answer = await fetch(url, { headers: { Accept: accept } });
    await answer.clone().arrayBuffer();
    return answer;
  } catch {
    return undefined;
  }
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export async function problem(answer) {
  try {
    const { detail } = await answer.json();
    return typeof detail === "string" ? detail : detail.map((one) => one.msg).join("; ");
  } catch {
    return `the server answered ${answer.status}`;
  }
}

// A bar with words below it, `progress` of fields.html. The words are said aloud: they change when
// there is something to say, and not with each percent.
export class Progress {
  constructor(box) {
    this.box = box;
    this.bar = box.querySelector("progress");
    this.words = box.querySelector("[role=status]");
    this.percent = box.querySelector("[data-percent]");
  }

  // Without a share there is no bar; links are [address, words, whether to download].
  show(words, share, ...links) {
    this.box.hidden = false;
    this.bar.hidden = share === undefined;
    if (share !== undefined) this.bar.value = share;
    this.percent.textContent = share > 0 && share < 1 ? `${Math.floor(share * 100)} %` : "";
    if (this.words.textContent !== words) this.words.replaceChildren(words, ...links.flatMap(link));
  }
}

function link([href, words, download]) {
  const made = document.createElement("a");
  made.href = href;
  made.textContent = words;
  if (download) made.setAttribute("download", "");
  return [" ", made];
}
