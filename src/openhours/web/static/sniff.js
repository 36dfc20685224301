// What a chosen file is, told by its first bytes before it is sent: its type, or what is wrong.
const HEADER = 4096;
const PACKED = 65536;

// The columns that tell the type; the first that is there decides.
const COLUMNS = {
  status: /^timestamp_utc$/,
  hours: /^(day|dayOfWeek)$/,
  special_hours: /^start_time_local$/,
  timezones: /^timezone_str$/,
};
const EXPECTED = "Expected a CSV file whose first line names its columns";
const ARCHIVE = "a zip file that begins with"; // its CSV may lie behind that
const SEALED = "packed, and this browser cannot look into it";
const LABELS = /^labels/i; // may have any columns

const text = (bytes) => new TextDecoder().decode(bytes);
const begins = (bytes, ...start) => start.every((byte, at) => bytes[at] === byte);

async function unpacked(blob, format) {
  let unpacking;
  try {
    unpacking = new DecompressionStream(format);
  } catch {
    return SEALED;
  }
  const reader = blob.stream().pipeThrough(unpacking).getReader();
  const { value } = await reader.read();
  reader.cancel().catch(() => {});
  return value.slice(0, HEADER);
}

// The first member of a zip: its name, and its first bytes if they are packed in the usual way.
async function member(file) {
  const head = new DataView(await file.slice(0, PACKED).arrayBuffer());
  const [method, name, extra] = [8, 26, 28].map((at) => head.getUint16(at, true));
  const start = 30 + name + extra;
  const rest = file.slice(start, start + PACKED);
  return {
    name: text(new Uint8Array(head.buffer, 30, name)),
    read: async () => (method === 8 ? unpacked(rest, "deflate-raw") : bytesOf(rest)),
  };
}

const bytesOf = async (blob) => new Uint8Array(await blob.slice(0, HEADER).arrayBuffer());

// The first bytes of the CSV itself; or, as a string, what the file is instead.
async function csvOf(file) {
  const bytes = await bytesOf(file);
  if (begins(bytes, 0x25, 0x50, 0x44, 0x46)) return "a PDF";
  if (begins(bytes, 0xff, 0xfe) || begins(bytes, 0xfe, 0xff)) return "UTF-16 text: save it as UTF-8";
  if (begins(bytes, 0x1f, 0x8b)) return unpacked(file.slice(0, PACKED), "gzip");
  if (!begins(bytes, 0x50, 0x4b, 3, 4)) return bytes.includes(0) ? "not text" : bytes;
  const { name, read } = await member(file);
  if (/^(\[Content_Types\]|xl\/|_rels\/)/.test(name)) return "an Excel workbook: save it as CSV";
  // A Mac adds a shadow of each file in that folder.
  return /^(?!__MACOSX\/).*\.csv$/i.test(name) ? read() : `${ARCHIVE} ${name}`;
}

// Return { kind }, or { problem } in words; `again`: choosing the type may help.
export async function sniff(file) {
  const refused = (problem) => ({ problem: `${file.name} ${problem}. ${EXPECTED}.` });
  if (!file.size) return refused("is empty: it has no bytes");
  // Parquet: its columns are named at its end.
  if (begins(await bytesOf(file), 0x50, 0x41, 0x52, 0x31)) return { kind: "status" };
  let found;
  try {
    found = await csvOf(file);
  } catch {
    found = "damaged: it cannot be unpacked";
  }
  if (typeof found === "string") {
    return { ...refused(`is ${found}`), again: found === SEALED || found.startsWith(ARCHIVE) };
  }
  const line = text(found).split(/\r?\n/, 1)[0];
  const columns = line.split(",").map((name) => name.trim().replace(/^"(.*)"$/, "$1"));
  if (!line.trim()) return refused("begins with a blank line");
  if (LABELS.test(file.name)) return { kind: "labels" };
  for (const [kind, column] of Object.entries(COLUMNS)) {
    if (columns.some((name) => column.test(name))) return { kind };
  }
  const shown = line.length > 120 ? `${line.slice(0, 120)} …` : line;
  return { ...refused(`begins with “${shown}”, which are the columns of no type`), again: true };
}
