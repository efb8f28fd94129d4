// File drop: shows what was chosen, its size, and marks the area while something is dragged over it.
(() => {
  function size(bytes) {
    if (bytes < 1000) return `${bytes} bytes`;
    if (bytes < 1e6) return `${Math.round(bytes / 1000)} KB`;
    return `${(bytes / 1e6).toFixed(1)} MB`;
  }

  function list(area) {
    const input = area.querySelector("input[type=file]");
    const rows = [...input.files].map((file) => {
      const row = document.createElement("li");
      const name = document.createElement("span");
      name.className = "file-name";
      name.textContent = file.name;
      const note = document.createElement("span");
      note.className = "muted nowrap";
      note.textContent = size(file.size);
      row.append(name, note);
      return row;
    });
    area.querySelector(".drop-files").replaceChildren(...rows);
  }

  document.addEventListener("change", (event) => {
    const area = event.target.closest("[data-files]");
    if (area && event.target.type === "file") {
      list(area);
      if (area.hasAttribute("data-auto-submit")) event.target.form.requestSubmit();
    }
  });
  ["dragenter", "dragover"].forEach((kind) => document.addEventListener(kind, (event) => {
    event.target.closest?.(".drop")?.classList.add("is-over");
  }));
  ["dragleave", "drop"].forEach((kind) => document.addEventListener(kind, (event) => {
    event.target.closest?.(".drop")?.classList.remove("is-over");
  }));
})();
