// The server writes times in the visitor's zone, which only the browser knows.
import { root } from "./http.js";

export function saveZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone) return;
  const cookie = `zone=${zone}`;
  document.cookie = `${cookie}; path=${root}/; max-age=31536000; samesite=lax`;
  const field = document.querySelector("input.own-zone");
  if (field) field.value = zone;
  const { firstVisit } = document.documentElement.dataset;
  // Not where cookies are refused: each visit would be the first.
  if (firstVisit !== undefined && zone !== "UTC" && document.cookie.includes(cookie)) {
    location.reload();
  }
}
