// Keeps the findings beside the editor fresh while a document is typed: one question at a time, late answers dropped.
"use strict";

document.addEventListener("flow-editor-started", ({ detail: editor }) => {
  const { box } = editor;
  const panel = box.querySelector(".flow-check-panel");
  const said = box.querySelector(".flow-check-said");
  const PAUSE = 300;
  let timer = 0;
  let version = 0;
  let asking = false;

  function show(html) {
    const before = panel.querySelector(".flow-check-summary");
    const summary = before && before.textContent;
    panel.innerHTML = html;
    const now = panel.querySelector(".flow-check-summary").textContent;
    if (now !== summary) said.textContent = now;
    panel.classList.remove("flow-stale");
    said.classList.add("visually-hidden");
    box.dispatchEvent(new CustomEvent("flow-checked"));
  }

  async function check() {
    if (asking) return;
    asking = true;
    const asked = version;
    try {
      const html = await (await editor.ask("check")).text();
      if (asked === version) show(html);
    } catch (error) {
      said.textContent = `The check did not answer: ${error.message}`;
      said.classList.remove("visually-hidden");
    }
    asking = false;
    if (asked !== version) wait();
  }

  function wait() {
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE);
  }

  box.addEventListener("flow-document-changed", () => {
    version++;
    panel.classList.add("flow-stale");
    wait();
  });
  // A flow may not contain itself, so its name counts.
  box.closest("form").elements.flow_name.addEventListener("change", () => {
    version++;
    wait();
  });

  panel.addEventListener("click", (event) => {
    const target = event.target.closest("[data-pointer]");
    if (!target) return;
    event.preventDefault();
    const { pointer, message, offset } = target.dataset;
    if (target.matches("button")) editor.act("repair", { pointer, message });
    else if (offset) editor.change([], [Number(offset), Number(offset)]);
    else editor.act("goto", { pointer });
  });
});
