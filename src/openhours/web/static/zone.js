// The server writes times in the visitor's zone, which only the browser knows.
import { root } from "./http.js";

export function saveZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) {
    document.cookie = `zone=${zone}; path=${root}/; max-age=31536000; samesite=lax`;
    const field = document.querySelector("input.own-zone");
    if (field) field.value = zone;
  }
}
