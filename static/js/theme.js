// Light, dark or as the system does. Kept in a cookie so that the server renders the next page right from the start.
(() => {
  const root = document.documentElement;
  const year = 60 * 60 * 24 * 365;

  function chosen() {
    return root.dataset.bsTheme || "";
  }

  function show() {
    document.querySelectorAll("[data-theme-set]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.themeSet === chosen()));
    });
  }

  function choose(theme) {
    if (theme) root.dataset.bsTheme = theme;
    else delete root.dataset.bsTheme;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${theme}; Path=/; Max-Age=${theme ? year : 0}; SameSite=Lax${secure}`;
    show();
    document.dispatchEvent(new CustomEvent("theme:changed"));
  }

  document.querySelectorAll("[data-theme-menu]").forEach((menu) => { menu.hidden = false; });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-set]");
    if (button) choose(button.dataset.themeSet);
  });
  show();
})();
