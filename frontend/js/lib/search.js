// Suggests while somebody types; without it the form searches all the same.

const WAIT_MS = 120;

export function startSearch() {
  const input = document.querySelector("[data-search]");
  if (!input) return;
  let timer = null;
  let asked = null;
  let list = null;
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", "suggestions");
  input.setAttribute("aria-expanded", "false");

  const close = () => {
    list?.remove();
    list = null;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };

  const show = (rows) => {
    close();
    if (rows.length === 0) return;
    list = document.createElement("div");
    list.className = "suggestions";
    list.id = "suggestions";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Suggestions");
    for (const [place, row] of rows.entries()) {
      const link = document.createElement("a");
      link.href = row.url;
      link.id = `suggestion-${place}`;
      link.setAttribute("role", "option");
      link.setAttribute("aria-selected", "false");
      link.tabIndex = -1;
      const kind = document.createElement("span");
      kind.className = "muted";
      kind.textContent = row.kind;
      link.append(row.title, kind);
      list.append(link);
    }
    input.form.append(list);
    input.setAttribute("aria-expanded", "true");
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    asked?.abort();
    const text = input.value.trim();
    if (!text) {
      close();
      return;
    }
    timer = setTimeout(async () => {
      asked = new AbortController();
      try {
        const url = `${input.form.action}?suggest=1&q=${encodeURIComponent(text)}`;
        const answer = await fetch(url, { signal: asked.signal });
        if (answer.ok) show((await answer.json()).suggestions);
      } catch (error) {
        if (error.name !== "AbortError") close();
      }
    }, WAIT_MS);
  });

  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    if (!list || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) {
      const chosen = list?.querySelector('[aria-selected="true"]');
      if (event.key === "Enter" && chosen) {
        event.preventDefault();
        chosen.click();
      }
      return;
    }
    event.preventDefault();
    const links = [...list.children];
    const at = links.findIndex((link) => link.getAttribute("aria-selected") === "true");
    links[at]?.setAttribute("aria-selected", "false");
    const step = event.key === "ArrowDown" ? 1 : links.length - 1;
    const next = links[(at + step + (at < 0 && step > 1 ? 1 : 0)) % links.length];
    next.setAttribute("aria-selected", "true");
    input.setAttribute("aria-activedescendant", next.id);
  });
  document.addEventListener("click", ({ target }) => {
    if (!input.form.contains(target)) close();
  });
}
