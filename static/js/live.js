// A page that follows work still being done replaces its parts (templates/components/live.html). A part that says the same as
// before, or in which somebody is typing, is left alone: nothing opened is shut and nothing typed is lost.
(() => {
  function said(element) {
    const copy = element.cloneNode(true);
    copy.querySelectorAll("[name=csrfmiddlewaretoken]").forEach((field) => field.removeAttribute("value"));
    copy.querySelectorAll("details[open]").forEach((box) => box.removeAttribute("open"));
    return copy.textContent.replace(/\s+/g, " ").trim();
  }

  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { target, fragment } = event.detail;
    const fresh = fragment.firstElementChild;
    const active = document.activeElement;
    const isTyping = active && target.contains(active) && active.matches("input, textarea, select");
    if (isTyping || (fresh && said(fresh) === said(target))) event.detail.shouldSwap = false;
  });
})();
