// Menus close when one clicks elsewhere or presses Escape; a summary of errors takes the focus; a form is sent once.
(() => {
  function openMenus() {
    return document.querySelectorAll("details.menu[open]");
  }

  document.addEventListener("click", (event) => {
    openMenus().forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    openMenus().forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });

  // A second click on a button must not send the form again.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented || form.hasAttribute("hx-post")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 4000);
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => { delete form.dataset.sent; });
  });

  // A filter form answers as soon as a choice is made.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-auto-submit]");
    if (form && event.target.matches("select, input[type=checkbox], input[type=date]")) form.requestSubmit();
  });

  // "Select all" of a table.
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-select-all]")) return;
    event.target.closest("table").querySelectorAll("tbody input[type=checkbox]").forEach((box) => {
      box.checked = event.target.checked;
    });
  });

  document.querySelector("[data-focus]")?.focus();
})();
