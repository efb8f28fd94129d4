// Keys for lists and work pages: / finds, j and k move, Enter opens, x selects, ? explains, and every element with
// data-key="a" is pressed by that letter. Nothing happens while somebody types.
(() => {
  const rowsOf = () => [...document.querySelectorAll("[data-rows] tbody tr, [data-queue] > li")];
  let at = -1;

  function isTyping(target) {
    return target.matches("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]");
  }

  function move(step) {
    const rows = rowsOf();
    if (!rows.length) return;
    if (at < 0) at = rows.findIndex((row) => row.matches(".is-current") || row.querySelector("[aria-current]"));
    rows[at]?.classList.remove("is-current");
    at = Math.min(Math.max(at + step, 0), rows.length - 1);
    const row = rows[at];
    row.classList.add("is-current");
    (row.querySelector("a.row-link, a.queue-item, a") || row).focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
    if (row.closest("[data-queue]")?.dataset.queue === "open") row.querySelector("a")?.click();
  }

  function press(key) {
    const target = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find((one) => one.offsetParent !== null);
    if (!target) return false;
    if (target.matches("input:not([type=submit]), textarea, select")) target.focus();
    else target.click();
    // What unfolds is there to be written into.
    if (target.matches("summary") && target.parentElement.open) target.parentElement.querySelector("textarea, select, input:not([type=hidden])")?.focus();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const key = event.key;
    if (key === "/") {
      const search = document.querySelector("[data-search]");
      if (!search || search.offsetParent === null) return;
      event.preventDefault();
      search.focus();
    } else if (key === "?") {
      document.getElementById("shortcuts")?.showModal();
    } else if (key === "j" || key === "k") {
      event.preventDefault();
      move(key === "j" ? 1 : -1);
    } else if (key === "x" && at >= 0) {
      rowsOf()[at]?.querySelector("input[type=checkbox]")?.click();
    } else if (/^[a-z]$/.test(key) && press(key)) {
      event.preventDefault();
    }
  });
})();
