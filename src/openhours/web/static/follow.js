// Following a report or a file by its events. A lost connection comes back by itself, a refused one
// is tried again.
import { root, sleep } from "./http.js";

const RETRY_AFTER = 1500;

// `place` is the path of its events; `tell` is called with each that comes, and with nothing while
// the server does not answer. Return what the last one tells.
export async function follow(place, tell) {
  for (;;) {
    const last = await events(place, tell);
    if (last) return last;
    tell();
    await sleep(RETRY_AFTER);
  }
}

function events(place, tell) {
  return new Promise((resolve) => {
    const source = new EventSource(`${root}${place}`);
    const done = (last) => {
      source.close();
      resolve(last);
    };
    source.addEventListener("progress", (event) => tell(JSON.parse(event.data)));
    source.addEventListener("end", (event) => done(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) done(null);
    });
  });
}
