// Copies whole hashes, and lights up the equals of the one that is pointed at.

const SHOWN_MS = 1_500;

export function startCopying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const label = button.getAttribute("aria-label");
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.setAttribute("aria-label", "Copied");
      toast("Copied");
    } catch {
      toast("The browser does not allow copying here: select it by hand", "error");
    }
    setTimeout(() => button.setAttribute("aria-label", label), SHOWN_MS);
  });
  document.addEventListener("pointerover", ({ target }) => light(target.closest?.(".hash")));
  document.addEventListener("focusin", ({ target }) => light(target.closest?.(".hash")));
}

function light(hash) {
  for (const lit of document.querySelectorAll(".hash[data-lit]")) {
    if (lit.dataset.same !== hash?.dataset.same) lit.removeAttribute("data-lit");
  }
  if (!hash) return;
  const equals = document.querySelectorAll(`.hash[data-same="${CSS.escape(hash.dataset.same)}"]`);
  if (equals.length > 1) for (const equal of equals) equal.setAttribute("data-lit", "");
}

export function toast(text, status = "ok") {
  const box = document.querySelector("[data-toasts]");
  if (!box) return;
  const note = document.createElement("p");
  note.className = "toast";
  note.dataset.status = status;
  note.textContent = text;
  box.append(note);
  setTimeout(() => note.remove(), 2 * SHOWN_MS);
}
