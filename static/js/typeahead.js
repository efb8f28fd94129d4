// Suggestions under an input. htmx fetches them (hx-get on the input, hx-target = the .suggest-list beside it); this file
// gives them the keyboard, and puts the chosen one's values into the fields of the same row or form.
//   <div class="suggest" data-suggest>
//     <input hx-get="…" hx-trigger="input changed delay:180ms" hx-target="next .suggest-list" hx-sync="this:replace" name="q">
//     <div class="suggest-list" role="listbox"></div>
//   </div>
// An answer is <button type="button" class="suggest-item" role="option" data-fill='{"description": "…", "unit_price": "9.90"}'>;
// a key of data-fill is the end of a field's name: "unit_price" fits "lines-3-unit_price".
(() => {
  const itemsOf = (box) => [...box.querySelectorAll(".suggest-item")];

  function close(box) {
    box.querySelector(".suggest-list")?.replaceChildren();
    box.querySelector("input")?.setAttribute("aria-expanded", "false");
  }

  function mark(box, index) {
    const items = itemsOf(box);
    items.forEach((item, at) => item.setAttribute("aria-selected", String(at === index)));
    items[index]?.scrollIntoView({ block: "nearest" });
  }

  function fieldNamed(scope, name) {
    return [...scope.querySelectorAll("input, select, textarea")].find(
      (field) => field.name === name || field.name.endsWith(`-${name}`),
    );
  }

  // A field of the form's head, as long as nobody chose anything in it.
  function untouched(form, name) {
    const field = form?.elements.namedItem(name);
    if (!(field instanceof HTMLElement)) return null;
    const isInitial = field.matches("select") ? [...field.options].every((option) => option.selected === option.defaultSelected) : field.value === field.defaultValue;
    return isInitial ? field : null;
  }

  // What was chosen is not searched for again: not by the change it made, not by an answer still on its way.
  const isChosen = (box) => box.dataset.chosen !== undefined && box.dataset.chosen === box.querySelector("input").value;

  function fill(box, item) {
    const own = box.querySelector("input");
    const row = box.closest("[data-line]") || box.closest("tr") || box.closest("form");
    const scopes = [row, row.nextElementSibling?.matches(".sub-row") ? row.nextElementSibling : null].filter(Boolean);
    Object.entries(JSON.parse(item.dataset.fill || "{}")).forEach(([name, value]) => {
      const field = scopes.map((scope) => fieldNamed(scope, name)).find(Boolean) || untouched(row.closest("form"), name);
      if (!field) return;
      field.value = value ?? "";
      if (field !== own) field.dispatchEvent(new Event("input", { bubbles: true }));
      field.dispatchEvent(new Event("change", { bubbles: true }));
    });
    box.dataset.chosen = own.value;
    close(box);
    const next = item.dataset.focus ? fieldNamed(row, item.dataset.focus) : null;
    next?.focus();
    next?.select?.();
  }

  // Under the input, or above it where there is no room below.
  function place(box) {
    const list = box.querySelector(".suggest-list");
    const input = box.querySelector("input").getBoundingClientRect();
    const below = window.innerHeight - input.bottom;
    list.style.left = `${Math.max(8, Math.min(input.left, window.innerWidth - list.offsetWidth - 8))}px`;
    list.style.top = below > list.offsetHeight + 12 || below > input.top ? `${input.bottom + 4}px` : `${input.top - list.offsetHeight - 4}px`;
    box.querySelector("input").setAttribute("aria-expanded", "true");
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    const box = event.target.closest?.("[data-suggest]");
    if (box && isChosen(box)) event.preventDefault();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const box = event.target.closest?.("[data-suggest]");
    if (box && isChosen(box)) event.detail.shouldSwap = false;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const box = event.target.closest?.("[data-suggest]");
    if (box && event.target.matches(".suggest-list") && event.target.children.length) place(box);
  });
  window.addEventListener("scroll", (event) => {
    if (event.target.matches?.(".suggest-list")) return;
    document.querySelectorAll("[data-suggest]").forEach((box) => { if (itemsOf(box).length) place(box); });
  }, true);

  document.addEventListener("keydown", (event) => {
    const box = event.target.closest?.("[data-suggest]");
    if (!box) return;
    const items = itemsOf(box);
    if (!items.length) return;
    const at = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown") mark(box, (at + 1) % items.length);
    else if (event.key === "ArrowUp") mark(box, (at - 1 + items.length) % items.length);
    else if (event.key === "Enter" && at >= 0) fill(box, items[at]);
    else if (event.key === "Escape") close(box);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  document.addEventListener("click", (event) => {
    const item = event.target.closest("[data-suggest] .suggest-item");
    if (item) {
      fill(item.closest("[data-suggest]"), item);
      return;
    }
    document.querySelectorAll("[data-suggest]").forEach((box) => {
      if (!box.contains(event.target)) close(box);
    });
  });

  document.addEventListener("focusout", (event) => {
    const box = event.target.closest?.("[data-suggest]");
    if (box && event.relatedTarget && !box.contains(event.relatedTarget)) close(box);
  });

  // A value typed by hand is no longer the catalog's: forget the item behind it.
  document.addEventListener("input", (event) => {
    if (!event.isTrusted) return;
    const box = event.target.closest?.("[data-suggest][data-forget]");
    if (!box) return;
    const row = box.closest("[data-line]") || box.closest("tr") || box.closest("form");
    box.dataset.forget.split(" ").forEach((name) => {
      const field = fieldNamed(row, name);
      if (field) field.value = "";
    });
  });
})();
