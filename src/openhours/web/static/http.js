// This file is /static/http.js of the service, which a proxy may serve below a path.
export const root = new URL("..", import.meta.url).pathname.slice(0, -1);

// Asking the server: what is posted carries the page's token.
export const token = () => document.querySelector("meta[name=csrf-token]").content;

export async function post(url, body) {
  return fetch(url, { method: "POST", headers: { "X-CSRF-Token": token() }, body });
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

// A bar with words beside it; `box` holds a <progress> and a live <p>.
export class Progress {
  constructor(box) {
    this.box = box;
    this.bar = box.querySelector("progress");
    this.words = box.querySelector("p");
  }

  show(words, share) {
    this.box.hidden = false;
    this.bar.hidden = share === undefined;
    if (share !== undefined) this.bar.value = share;
    this.words.textContent = words;
  }

  link(href, words, download) {
    const link = document.createElement("a");
    link.href = href;
    link.textContent = words;
    if (download) link.setAttribute("download", "");
    this.words.append(" ", link);
  }
}
