// The grid of lines: add, remove, keyboard, paste from a spreadsheet, totals. Works on any formset:
//   <div data-line-grid="lines" data-minor-units="2">            prefix of the formset; decimals of the currency
//     <table class="grid-table"> … <tbody>
//       <tr data-line> inputs; <input data-role="quantity">, data-role="price"; <output data-line-total>;
//                      <button type="button" data-remove-line>; a checkbox named …-DELETE </tr>
//     <template data-line-template> one <tr data-line> with __prefix__ (and its .sub-row) </template>
//     <button data-add-line name="add_line" value="1">           without scripts it is an ordinary submit
//     <output data-grid-total>
//   data-paste="description quantity unit unit_price"             order of pasted columns
//   data-carry="cost_center_1 tax_code"                           what a new line takes from the line above
//   <output data-grid-total-of="lines"> anywhere on the page shows the total as well
// Arithmetic is in whole numbers of 10⁻⁶, so a total here is the total the server will say.
(() => {
  const SCALE = 6;

  // "1,234.5" or "1.234,5" as an integer of 10⁻⁶; null where it is no number.
  function parse(text) {
    let plain = String(text).replace(/[\s'’]/g, "");
    const comma = plain.lastIndexOf(",");
    const dot = plain.lastIndexOf(".");
    if (comma > dot && plain.indexOf(",") === comma && (dot >= 0 || plain.length - comma - 1 !== 3)) {
      plain = plain.replace(/\./g, "").replace(",", ".");
    } else plain = plain.replace(/,/g, "");
    const match = /^(-?)(\d*)(?:\.(\d*))?$/.exec(plain);
    if (!match || (!match[2] && !match[3]) || (match[3] || "").length > SCALE) return null;
    const digits = BigInt((match[2] || "0") + (match[3] || "").padEnd(SCALE, "0"));
    return match[1] ? -digits : digits;
  }

  // quantity × price, rounded half up (away from zero) to minor units.
  function lineNet(quantity, price, minor) {
    const product = quantity * price;
    const step = 10n ** BigInt(2 * SCALE - minor);
    const size = product < 0n ? -product : product;
    const rounded = (size + step / 2n) / step;
    return product < 0n ? -rounded : rounded;
  }

  function show(units, minor) {
    const size = (units < 0n ? -units : units).toString().padStart(minor + 1, "0");
    const whole = size.slice(0, size.length - minor).replace(/\B(?=(\d{3})+$)/g, ",");
    return (units < 0n ? "-" : "") + whole + (minor ? `.${size.slice(-minor)}` : "");
  }

  // A number as the server reads it: no thousands, a dot. What is no number stays as typed.
  function tidy(field) {
    const units = field.matches("[data-role=quantity], [data-role=price]") ? parse(field.value) : null;
    if (units === null) return;
    const [whole, rest] = show(units, SCALE).replace(/,/g, "").split(".");
    const decimals = rest.replace(/0+$/, "");
    const typed = field.value.split(/[.,]/).pop();
    if (!/^-?\d+(\.\d+)?$/.test(field.value)) field.value = decimals ? `${whole}.${decimals.padEnd(Math.min(typed.length, SCALE), "0")}` : whole;
  }

  const linesOf = (grid) => [...grid.querySelectorAll("tbody [data-line]:not(.is-removed)")];
  const subOf = (line) => (line.nextElementSibling?.matches(".sub-row") ? line.nextElementSibling : null);
  const fieldOf = (line, name) => line.querySelector(`[name$="-${name}"]`) || subOf(line)?.querySelector(`[name$="-${name}"]`);

  function total(grid) {
    const minor = Number(grid.dataset.minorUnits || 2);
    let sum = 0n;
    linesOf(grid).forEach((line) => {
      const quantity = parse(line.querySelector("[data-role=quantity]")?.value ?? "");
      const price = parse(line.querySelector("[data-role=price]")?.value ?? "");
      const known = quantity !== null && price !== null;
      const net = known ? lineNet(quantity, price, minor) : 0n;
      sum += net;
      const output = line.querySelector("[data-line-total]");
      if (output) output.textContent = known ? show(net, minor) : "–";
    });
    const text = show(sum, minor);
    document.querySelectorAll(`[data-grid-total-of="${grid.dataset.lineGrid}"]`).forEach((output) => { output.textContent = text; });
    grid.querySelectorAll("[data-grid-total]").forEach((output) => { output.textContent = text; });
    if (grid.dataset.lastTotal !== text) {
      const isFirst = grid.dataset.lastTotal === undefined;
      grid.dataset.lastTotal = text;
      if (!isFirst) grid.dispatchEvent(new CustomEvent("lines:total", { bubbles: true, detail: { total: text } }));
    }
  }

  // A new line is coded as the line above it, whether that was typed or chosen.
  function carry(grid, from, to) {
    (grid.dataset.carry || "").split(" ").filter(Boolean).forEach((name) => {
      const [source, target] = [fieldOf(from, name), fieldOf(to, name)];
      if (source && target) target.value = source.value;
    });
  }

  function add(grid) {
    const above = linesOf(grid).pop();
    const counter = grid.querySelector(`[name="${grid.dataset.lineGrid}-TOTAL_FORMS"]`);
    const template = grid.querySelector("template[data-line-template]");
    const index = Number(counter.value);
    const copy = template.content.cloneNode(true);
    copy.querySelectorAll("*").forEach((element) => {
      [...element.attributes].forEach((attribute) => {
        if (attribute.value.includes("__prefix__")) attribute.value = attribute.value.replaceAll("__prefix__", index);
      });
    });
    const added = [...copy.children];
    grid.querySelector("tbody").append(copy);
    counter.value = String(index + 1);
    added.forEach((row) => window.htmx?.process(row));
    if (above) carry(grid, above, added[0]);
    grid.dispatchEvent(new CustomEvent("lines:added", { bubbles: true, detail: { line: added[0] } }));
    return added[0];
  }

  function remove(grid, line) {
    const mark = fieldOf(line, "DELETE");
    if (mark) mark.checked = true;
    [line, subOf(line)].forEach((row) => row?.classList.add("is-removed"));
    if (!linesOf(grid).length) add(grid);
    total(grid);
  }

  function isEmpty(line) {
    return ["description", "quantity", "unit_price"].every((name) => {
      const field = fieldOf(line, name);
      return !field || !field.value || (name === "quantity" && field.value === field.defaultValue);
    });
  }

  // A drop-down takes a pasted code or word that it offers, and stays as it was for any other.
  function put(field, text) {
    if (!field.matches("select")) {
      field.value = text;
      return;
    }
    const wanted = text.toLowerCase();
    const option = [...field.options].find((one) => one.value.toLowerCase() === wanted || one.text.toLowerCase() === wanted);
    if (option) field.value = option.value;
  }

  function paste(grid, start, rows) {
    const names = (grid.dataset.paste || "description quantity unit unit_price").split(" ");
    let line = start;
    rows.forEach((cells, at) => {
      if (at > 0) {
        const lines = linesOf(grid);
        const next = lines[lines.indexOf(line) + 1];
        line = next && isEmpty(next) ? next : add(grid);
      }
      cells.slice(0, names.length).forEach((cell, column) => {
        const field = fieldOf(line, names[column]);
        if (!field) return;
        put(field, cell.trim());
        tidy(field);
      });
    });
    total(grid);
    return line;
  }

  document.addEventListener("click", (event) => {
    const grid = event.target.closest("[data-line-grid]");
    if (!grid) return;
    if (event.target.closest("[data-add-line]")) {
      event.preventDefault();
      add(grid).querySelector("input:not([type=hidden]), select")?.focus();
      total(grid);
    }
    const remover = event.target.closest("[data-remove-line]");
    if (remover) {
      event.preventDefault();
      remove(grid, remover.closest("[data-line]"));
    }
  });

  document.addEventListener("input", (event) => {
    const grid = event.target.closest?.("[data-line-grid]");
    if (grid) total(grid);
  });

  document.addEventListener("change", (event) => {
    if (event.target.closest?.("[data-line-grid]")) tidy(event.target);
  });

  document.addEventListener("paste", (event) => {
    const grid = event.target.closest?.("[data-line-grid]");
    const line = event.target.closest?.("[data-line]");
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!grid || !line || !/[\t\n]/.test(text.trim())) return;
    event.preventDefault();
    paste(grid, line, text.replace(/\r/g, "").replace(/\n+$/, "").split("\n").map((row) => row.split("\t")));
  });

  // Enter goes down a column and opens a new line at the end; Ctrl+Backspace removes the line.
  document.addEventListener("keydown", (event) => {
    const grid = event.target.closest?.("[data-line-grid]");
    const line = event.target.closest?.("[data-line]");
    if (!grid || !line || !event.target.matches("input") || event.defaultPrevented) return;
    if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      const name = event.target.name.replace(/^.*-\d+-/, "");
      const lines = linesOf(grid);
      const next = lines[lines.indexOf(line) + 1] || add(grid);
      total(grid);
      (fieldOf(next, name) || next.querySelector("input")).focus();
    } else if (event.key === "Backspace" && event.ctrlKey) {
      event.preventDefault();
      remove(grid, line);
    }
  });

  document.querySelectorAll("[data-line-grid]").forEach(total);
})();
