// The requisition form beyond its grid: Enter moves on, Ctrl+Enter sends, shares of a split add up, nothing typed is lost.
(() => {
  const form = document.querySelector("[data-request-form]");
  if (!form) return;

  // Enter in a field of the head goes to the next one: only the buttons and Ctrl+Enter send a form this size.
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.defaultPrevented) return;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      form.querySelector("[data-ctrl-enter]").click();
      return;
    }
    if (!event.target.matches("input, select") || event.target.matches("[type=file]") || event.target.closest("[data-line-grid]")) return;
    event.preventDefault();
    const fields = [...form.elements].filter((field) => field.matches("input, select, textarea") && field.offsetParent && field.tabIndex >= 0);
    fields[fields.indexOf(event.target) + 1]?.focus();
  });

  // A split begins with halves; what is missing to 100 % is offered in the next part and said in words.
  const partsOf = (box) => [box.closest("td").querySelector("[data-part]"), ...box.querySelectorAll("[data-part]")];
  const shareOf = (part) => part.querySelector("[data-share]");
  const number = (field) => Number(String(field.value).replace(",", ".")) || 0;
  const rounded = (value) => Number(value.toFixed(6));

  function showRest(box) {
    const parts = partsOf(box);
    const sum = rounded(parts.reduce((total, part) => total + number(shareOf(part)), 0));
    const says = box.querySelector("[data-share-rest]");
    says.hidden = sum === 100;
    says.textContent = `The parts add up to ${sum} %: ${rounded(Math.abs(100 - sum))} % ${sum < 100 ? "is missing" : "too much"}.`;
    parts.forEach((part, at) => {
      const isUsed = [...part.querySelectorAll("input, select")].some((field) => field.value);
      part.hidden = at > 1 && !isUsed && !number(shareOf(parts[at - 1]));
    });
  }

  form.addEventListener("toggle", (event) => {
    const box = event.target.closest("[data-split]");
    if (!box) return;
    showRest(box);
  }, true);

  form.addEventListener("change", (event) => {
    const part = event.target.closest("[data-part]");
    const box = part && (part.closest("[data-split]") || part.closest("td").querySelector("[data-split]"));
    if (!box) return;
    const parts = partsOf(box);
    const at = parts.indexOf(part);
    const sum = rounded(parts.reduce((total, each) => total + number(shareOf(each)), 0));
    const account = part.querySelector("[name*='-gl_account_']");
    if (at > 0 && event.target.matches("select") && !account.value) account.value = parts[0].querySelector("[name*='-gl_account_']").value;
    if (at > 0 && event.target.matches("select") && !shareOf(part).value) {
      if (sum >= 100 && at === 1) shareOf(parts[0]).value = "50";
      const rest = rounded(100 - parts.reduce((total, each) => total + number(shareOf(each)), 0));
      if (rest > 0) shareOf(part).value = String(rest);
    }
    showRest(box);
  });
  form.querySelectorAll("[data-split]").forEach(showRest);
  document.addEventListener("lines:added", (event) => {
    event.detail.line.nextElementSibling?.querySelectorAll("[data-split]").forEach(showRest);
  });

  // What is typed stays in this browser until it is saved: a closed tab or a lost session takes nothing with it. The stamp
  // changes with each save, so what was saved is not offered again.
  const DAYS = 7;
  const stamp = form.dataset.keepStamp;
  const key = `typed ${form.dataset.keep}`;
  const banner = form.querySelector("[data-kept]");
  const grid = form.querySelector("[data-line-grid]");
  const values = () => [...new FormData(form)].filter(([name, value]) => typeof value === "string" && name !== "csrfmiddlewaretoken" && name !== "form_key");
  const initial = JSON.stringify(values());

  function forget() {
    try { localStorage.removeItem(key); } catch { return; }
  }

  function kept() {
    try {
      const found = JSON.parse(localStorage.getItem(key));
      if (found && found.stamp === stamp && Date.now() - found.at < DAYS * 864e5) return found;
      if (found) forget();
      return null;
    } catch { return null; }
  }

  let timer;
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const typed = values();
      try { localStorage.setItem(key, JSON.stringify({ at: Date.now(), stamp, typed })); } catch { forget(); }
    }, 400);
  });

  // References are asked for by the answer beside the form: what was typed there waits for its field.
  const owed = new Map();
  document.addEventListener("htmx:afterSettle", () => {
    owed.forEach((value, name) => {
      const field = form.elements.namedItem(name);
      if (!field) return;
      if (!field.value) field.value = value;
      owed.delete(name);
    });
  });

  function restore(typed) {
    const wanted = Number((typed.find(([name]) => name.endsWith("-TOTAL_FORMS")) || [])[1] || 0);
    const count = () => Number(grid.querySelector("[name$='-TOTAL_FORMS']").value);
    while (count() < wanted) grid.querySelector("[data-add-line]").click();
    typed.forEach(([name, value]) => {
      const field = form.elements.namedItem(name);
      if (name.startsWith("reference_") && !field) owed.set(name, value);
      if (!(field instanceof HTMLElement) || name.endsWith("_FORMS")) return;
      if (field.type !== "checkbox") field.value = value;
      else if (field.closest("[data-line]")) field.closest("[data-line]").querySelector("[data-remove-line]").click();
      else field.checked = true;
    });
    form.querySelectorAll("[data-split]").forEach(showRest);
    grid.querySelector("[data-role=quantity]")?.dispatchEvent(new Event("input", { bubbles: true }));
    form.elements.namedItem("title").dispatchEvent(new Event("change", { bubbles: true }));
    form.elements.namedItem("title").focus();
  }

  const found = kept();
  if (found && JSON.stringify(found.typed) !== initial && !form.querySelector("[role=alert]")) {
    const minutes = Math.max(Math.round((Date.now() - found.at) / 60000), 1);
    banner.querySelector("[data-kept-when]").textContent = minutes < 90 ? `${minutes} min ago` : `on ${new Date(found.at).toLocaleDateString()}`;
    banner.hidden = false;
  }
  banner.querySelector("[data-kept-restore]").addEventListener("click", () => { banner.hidden = true; restore(found.typed); });
  banner.querySelector("[data-kept-forget]").addEventListener("click", () => { banner.hidden = true; forget(); });
})();
