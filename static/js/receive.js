// Receiving: plus and minus beside each quantity, and all or nothing of what is open. Without it the fields are typed in.
//   <form data-receive> <button data-receive-all>, <button data-receive-none>
//     <li data-receive-line data-open="10"> <button data-step="-1"> <input data-accepted> <button data-step="1"> </li>
(() => {
  const form = document.querySelector("[data-receive]");
  if (!form) return;
  form.querySelectorAll("[data-receive-all], [data-receive-none], [data-step]").forEach((button) => { button.hidden = false; });

  const linesOf = () => [...form.querySelectorAll("[data-receive-line]")];
  const fieldOf = (line) => line.querySelector("[data-accepted]");

  // Keeps as many decimals as were typed: 2.5 + 1 is 3.5.
  function step(field, by) {
    const text = field.value.trim().replace(",", ".") || "0";
    if (!/^\d+(\.\d+)?$/.test(text)) return;
    const decimals = (text.split(".")[1] || "").length;
    field.value = Math.max(Number(text) + by, 0).toFixed(decimals);
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }

  form.addEventListener("click", (event) => {
    const stepper = event.target.closest("[data-step]");
    if (stepper) step(fieldOf(stepper.closest("[data-receive-line]")), Number(stepper.dataset.step));
    if (event.target.closest("[data-receive-all]")) {
      linesOf().forEach((line) => { fieldOf(line).value = line.dataset.open === "0" ? "" : line.dataset.open; });
    }
    if (event.target.closest("[data-receive-none]")) linesOf().forEach((line) => { fieldOf(line).value = ""; });
  });

  // A scanner or a keyboard ends a figure with Enter: go to the next line, and never post by accident.
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("[data-accepted]")) return;
    event.preventDefault();
    const fields = linesOf().map(fieldOf);
    const next = fields[fields.indexOf(event.target) + 1];
    if (next) next.select();
    else form.querySelector("[name=delivery_note]").focus();
  });
})();
