// Opens <dialog> elements: data-dialog="id" on a link or button, data-dialog-close inside it.
(() => {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.dialog);
      if (!dialog) return;
      event.preventDefault();
      opener.closest("details.menu")?.removeAttribute("open");
      dialog.showModal();
      return;
    }
    const closer = event.target.closest("[data-dialog-close]");
    const dialog = event.target.closest("dialog.dialog");
    if (closer || (dialog && event.target === dialog)) {
      if (!dialog.open) return;
      event.preventDefault();
      dialog.close();
    }
  });

  // Anything else that should ask once: <form data-confirm="What will happen">.
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm || event.submitter?.dataset.confirm;
    if (question && !window.confirm(question)) {
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  }, true);
})();
