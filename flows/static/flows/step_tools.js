// Renames, moves and duplicates the step that the cursor is in, and inserts procedures from the catalogue behind it.
"use strict";

document.addEventListener("flow-editor-started", ({ detail: editor }) => {
  const { box } = editor;
  const tools = box.querySelector(".flow-step-tools");
  const title = tools.querySelector(".flow-step-name");
  const buttons = tools.querySelectorAll("button[data-action]");
  const renaming = tools.querySelector(".flow-rename");
  const input = renaming.querySelector("input");
  let name = "";

  // The places of the steps are those of the last check; the server looks for itself.
  function showStep() {
    const data = box.querySelector(".flow-check-panel script[type='application/json']");
    const steps = data ? JSON.parse(data.textContent) : [];
    const at = editor.cursor();
    const index = steps.findIndex(([start, end]) => start <= at && at <= end);
    name = index < 0 ? "" : steps[index][2];
    title.textContent = index < 0 ? "No step at the cursor" : `Step ${name || "without a name"} (${index + 1} of ${steps.length})`;
    for (const button of buttons) button.disabled = index < 0;
  }

  function stopRenaming() {
    renaming.hidden = true;
    tools.querySelector("[data-action='rename']").focus();
  }

  async function rename() {
    if (await editor.act("rename", { name: input.value.trim() })) renaming.hidden = true;
  }

  tools.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { action } = button.dataset;
    if (action === "rename") {
      renaming.hidden = false;
      input.value = name;
      input.select();
    } else if (action) editor.act(action);
    else if (button.matches(".flow-rename-do")) rename();
    else stopRenaming();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") rename();
    if (event.key === "Escape") stopRenaming();
  });

  box.addEventListener("flow-checked", showStep);
  box.addEventListener("flow-code-mode", ({ detail: ace }) => ace.selection.on("changeCursor", showStep));
  showStep();

  const catalogue = box.querySelector(".flow-catalogue");
  const search = catalogue.querySelector("input[type=search]");
  const entries = [...catalogue.querySelectorAll("li")].map((entry) => [entry, entry.textContent.toLowerCase()]);
  const none = catalogue.querySelector(".flow-catalogue-none");

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const [entry, text] of entries) {
      entry.hidden = !words.every((word) => text.includes(word));
      shown += !entry.hidden;
    }
    none.hidden = shown > 0;
  }

  search.addEventListener("input", filter);
  catalogue.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-mod]");
    if (button) editor.act("insert", { mod: button.dataset.mod, method: button.dataset.method });
  });
  filter();
});
