// Copy a text: where the clipboard is not allowed, the way before it; else the text is selected.
async function copy(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    field.select();
    return document.execCommand("copy");
  }
}

export function offerCopies() {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const field = document.getElementById(button.dataset.copy);
    const status = button.parentElement.querySelector("[role=status]");
    button.hidden = false;
    button.addEventListener("click", async () => {
      const done = await copy(field);
      if (done) button.focus(); // the other way has moved it
      status.textContent = done ? "Copied" : "It is selected: press Ctrl+C or ⌘C";
    });
  }
}
