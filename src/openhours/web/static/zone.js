// The server writes times in the visitor's zone, which only the browser knows.
export function keepZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) {
    document.cookie = `zone=${zone}; path=/; max-age=31536000; samesite=lax`;
    const asked = document.getElementById("new-zone");
    if (asked) asked.value = zone;
  }
}
