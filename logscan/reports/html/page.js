"use strict";

// Sorts, filters and opens what the page holds already. Nothing here makes markup: text from a log stays text.

const table = document.querySelector("#findings table");

if (table) {
  const findings = [...table.tBodies];
  const heads = [...table.querySelectorAll("th[data-by]")];
  const kinds = [...document.querySelectorAll(".kinds button")];
  const marks = new Map([...document.querySelectorAll("svg a")].map((mark) => [mark.getAttribute("href"), mark]));
  const text = document.getElementById("text");
  const all = document.getElementById("all");

  const opener = (finding) => finding.querySelector("button.open");

  function open(finding, wide) {
    const detail = finding.querySelector(".detail");
    if (wide) detail.removeAttribute("hidden");
    else detail.setAttribute("hidden", "until-found"); // the browser's own search looks into it
    opener(finding).setAttribute("aria-expanded", wide);
  }

  function filter() {
    const wanted = text.value.trim().toLowerCase();
    const chosen = kinds.filter((kind) => kind.ariaPressed === "true").map((kind) => kind.value);
    let shown = 0;
    for (const finding of findings) {
      const fits =
        (!chosen.length || chosen.includes(finding.dataset.kind)) &&
        (!wanted || finding.textContent.toLowerCase().includes(wanted));
      finding.hidden = !fits;
      marks.get(`#${finding.id}`)?.classList.toggle("out", !fits);
      shown += fits;
    }
    document.getElementById("shown").textContent = `${shown} of ${findings.length} shown`;
  }

  function sort(head) {
    const by = head.dataset.by;
    const turned = { ascending: "descending", descending: "ascending" };
    const order = head.ariaSort ? turned[head.ariaSort] : head.dataset.first;
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", order);
    const numeric = by !== "kind" && by !== "source";
    const value = (finding) => (numeric ? parseFloat(finding.dataset[by]) : finding.dataset[by]);
    const compare = (a, b) => (numeric ? a - b : a.localeCompare(b, "en", { numeric: true }));
    const known = (finding) => finding.dataset[by] !== ""; // what has no time comes last both ways
    findings.sort(
      (a, b) =>
        known(b) - known(a) || (known(a) ? compare(value(a), value(b)) * (order === "ascending" ? 1 : -1) : 0),
    );
    table.append(...findings);
  }

  function reveal(hash) {
    const finding = findings.find((one) => `#${one.id}` === hash);
    if (!finding) return;
    if (finding.hidden) {
      text.value = "";
      kinds.forEach((kind) => (kind.ariaPressed = "false"));
      filter();
    }
    open(finding, true);
    opener(finding).focus({ preventScroll: true });
    finding.scrollIntoView({ block: "start" });
  }

  async function copy(button) {
    const command = button.previousElementSibling;
    try {
      await navigator.clipboard.writeText(command.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(command); // ready for the keyboard
    }
  }

  for (const finding of findings) {
    opener(finding).addEventListener("click", (event) => open(finding, event.target.ariaExpanded !== "true"));
    finding.addEventListener("beforematch", () => open(finding, true));
    finding.querySelector("button.copy").addEventListener("click", (event) => copy(event.target));
  }
  marks.forEach((mark, hash) => mark.addEventListener("click", () => reveal(hash)));
  heads.forEach((head) => head.querySelector("button").addEventListener("click", () => sort(head)));
  kinds.forEach((kind) =>
    kind.addEventListener("click", () => {
      kind.ariaPressed = kind.ariaPressed !== "true";
      filter();
    }),
  );
  text.addEventListener("input", filter);
  all.addEventListener("click", () => {
    all.ariaPressed = all.ariaPressed !== "true";
    findings.forEach((finding) => open(finding, all.ariaPressed === "true"));
  });
  addEventListener("hashchange", () => reveal(location.hash));

  document.querySelector(".bar").hidden = false;
  filter();
  reveal(location.hash);
}
