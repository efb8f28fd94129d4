// The demo's sign-in page: a click on a person fills the form and sends it.
(() => {
  const form = document.querySelector("[data-signin]");
  document.addEventListener("click", (event) => {
    const person = event.target.closest("[data-fill-email]");
    if (!person || !form) return;
    form.elements.login.value = person.dataset.fillEmail;
    form.elements.password.value = person.dataset.fillPassword;
    form.requestSubmit();
  });
})();
