// Keys for those who do not reach for the mouse: "/" searches, "g" and a letter goes, "?" tells.

const PLACES = { o: "/", b: "/chain/", m: "/mempool", n: "/network/" };
const PATIENCE_MS = 1_500;
const OFF = "chaindeck-keys-off";

export function startKeys() {
  const dialog = document.querySelector("[data-keys]");
  const off = document.querySelector("[data-keys-off]");
  if (off) off.checked = localStorage.getItem(OFF) === "1";
  off?.addEventListener("change", () => localStorage.setItem(OFF, off.checked ? "1" : "0"));
  let isGoing = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
    if (off?.checked && event.key !== "?") return;
    if (dialog?.open) return;
    if (isGoing && PLACES[event.key]) {
      location.assign(PLACES[event.key]);
    } else if (event.key === "/") {
      event.preventDefault();
      document.querySelector("[data-search]")?.focus();
    } else if (event.key === "?") {
      dialog?.showModal();
    } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      const rel = event.key === "ArrowLeft" ? "prev" : "next";
      // A ribbon or a table that is stood on scrolls.
      if (!event.target.closest(".ribbon, .table")) document.querySelector(`a[rel="${rel}"]`)?.click();
    } else if (event.key === "g") {
      isGoing = true;
      setTimeout(() => (isGoing = false), PATIENCE_MS);
      return;
    }
    isGoing = false;
  });
}

// A box is ticked and takes no letters; it also keeps the keys of a closed dialog for a moment.
const WRITING = "input:not([type=checkbox]), textarea, select, [contenteditable]";
const isWriting = (target) => target.closest(WRITING) !== null;
