// Lays jsoneditor over the text field of a flow's document. The field holds the text and is what is sent;
// without this file, or where the editor cannot start, it is used as it is.
//
// Tells of each edit by the event "flow-document-changed" on the element .flow-document, with the text; goes to a
// JSON Pointer on the event "flow-goto". What stands around the editor gets it by "flow-editor-started".
"use strict";

(() => {
  const bytes = (text) => new Blob([text]).size;

  // What tree mode would make of a text: JavaScript reads numbers as doubles, sorts keys that look like numbers and
  // keeps the last of two equal keys. Returns null where it would keep everything, otherwise what it would change.
  function lossInTree(text) {
    let kept;
    try {
      kept = JSON.stringify(JSON.parse(text));
    } catch {
      return "the text is no valid JSON yet";
    }
    const token = /"(?:[^"\\]|\\.)*"|[-+.\w]+|[[\]{}:,]/g;
    const before = text.match(token) || [];
    const after = kept.match(token) || [];
    for (let i = 0; i < Math.max(before.length, after.length); i++) {
      const was = before[i] && before[i].startsWith('"') ? JSON.stringify(JSON.parse(before[i])) : before[i];
      if (was !== after[i]) {
        return Number(before[i]) === Number(after[i])
          ? `it would turn ${before[i]} into ${after[i]}`
          : "it would not keep all keys and values in their order";
      }
    }
    return null;
  }

  function unsafeInteger(value) {
    if (typeof value === "number") {
      return Number.isInteger(value) && !Number.isSafeInteger(value) ? value : undefined;
    }
    if (value && typeof value === "object") {
      for (const item of Object.values(value)) {
        const found = unsafeInteger(item);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  function start(box) {
    const field = box.querySelector("textarea");
    const holder = box.querySelector(".flow-editor");
    const note = box.querySelector(".flow-editor-message");
    const options = JSON.parse(box.querySelector("script[type='application/json']").textContent);
    const maxBytes = options.maxBytes;
    delete options.maxBytes;
    let edited = false;
    let treeAsEntered = "";

    function say(message) {
      note.textContent = message;
      note.hidden = !message;
    }

    // The tree tells of a change a moment late, so it is asked itself.
    const touched = () =>
      edited || (editor.getMode() === "tree" && JSON.stringify(editor.get()) !== treeAsEntered);

    function text() {
      if (!touched()) return field.value;
      return editor.getMode() === "tree" ? JSON.stringify(editor.get(), null, 2) + "\n" : editor.getText();
    }

    // A worker would have to be loaded from a blob, which a strict Content-Security-Policy forbids; the editor marks
    // errors of syntax without it.
    JSONEditor.ace.config.setDefaultValue("session", "useWorker", false);
    const editor = new JSONEditor(holder, {
      ...options,
      onChange() {
        edited = true;
        if (!note.hidden && !refusal()) say("");
        tell("flow-document-changed", { text: text() });
      },
      onError: (error) => say(error.message || String(error)),
    });
    editor.setText(field.value);

    const tell = (name, detail) => box.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));

    function adaptMode() {
      const ace = editor.aceEditor;
      if (ace) {
        ace.setOption("enableKeyboardAccessibility", true);
        ace.textInput.getElement().setAttribute("aria-label", "Document");
        // One character a line break, as the server counts.
        ace.session.setNewLineMode("unix");
        tell("flow-code-mode", ace);
      }
    }
    // Buttons and keys of "format" and "compact" go through JavaScript's numbers and keys too.
    function keepFromReformatting(event) {
      const key = event.type === "keydown" && event.ctrlKey && ["i", "\\"].includes(event.key.toLowerCase());
      const button = event.type === "click" && event.target.closest(".jsoneditor-format, .jsoneditor-compact");
      if (!key && !button) return;
      const loss = lossInTree(editor.getText());
      if (loss) {
        event.stopPropagation();
        event.preventDefault();
        say(`Not done: ${loss}. The text is left as it is.`);
      }
    }
    holder.addEventListener("click", keepFromReformatting, true);
    holder.addEventListener("keydown", keepFromReformatting, true);
    function setMode(mode) {
      const loss = mode === "tree" ? lossInTree(editor.getText()) : null;
      if (loss) {
        say(`Tree mode cannot show this document as it is: ${loss}. It stays as text.`);
        return;
      }
      if (touched()) edited = true;
      const laidOut = editor.getMode() === "tree" ? JSON.stringify(editor.get(), null, 2) + "\n" : null;
      JSONEditor.prototype.setMode.call(editor, mode);
      // Another mode begins without what was set on the editor before.
      editor.setMode = setMode;
      if (laidOut !== null) editor.setText(laidOut);
      treeAsEntered = mode === "tree" ? JSON.stringify(editor.get()) : "";
      adaptMode();
    }
    editor.setMode = setMode;

    function refusal() {
      const size = bytes(text());
      if (size > maxBytes) {
        return (
          `The document has ${size.toLocaleString("en")} bytes; at most ${maxBytes.toLocaleString("en")} can be stored. ` +
          "Nothing was sent; your text is still here."
        );
      }
      if (touched() && editor.getMode() === "tree") {
        const number = unsafeInteger(editor.get());
        if (number !== undefined) {
          return (
            `Tree mode cannot hold ${number} exactly: integers beyond 9007199254740991 are rounded in it. ` +
            "Leave tree mode and type the number as text. Nothing was sent."
          );
        }
      }
      return "";
    }

    field.form.addEventListener("submit", (event) => {
      const reason = refusal();
      say(reason);
      if (reason) {
        event.preventDefault();
        note.scrollIntoView({ block: "center" });
      } else if (touched()) {
        field.value = text();
      }
    });

    // "Run" runs what is stored.
    for (const form of document.querySelectorAll("form[data-runs-stored]")) {
      form.addEventListener("submit", (event) => {
        if (touched() && !window.confirm("You changed the document. The run takes the stored one. Run it?")) {
          event.preventDefault();
        }
      });
    }

    // What is asked of the server is asked about the text as it stands; the answer counts only while it still does.
    async function ask(question, fields = {}) {
      const body = new FormData();
      body.set("csrfmiddlewaretoken", field.form.elements.csrfmiddlewaretoken.value);
      body.set("flow_name", field.form.elements.flow_name.value);
      body.set("document", text());
      for (const [name, value] of Object.entries(fields)) body.set(name, value);
      const answer = await fetch(box.dataset[question], { method: "POST", body });
      if (answer.redirected) throw new Error("You are no longer signed in; open the admin in another tab and sign in.");
      if (!answer.ok) throw new Error(answer.status === 400 ? await answer.text() : `The server answered ${answer.status}.`);
      return answer;
    }

    // All edits are one step for undo; places are those before the first of them.
    function change(edits, [start, end]) {
      if (editor.getMode() !== "code") editor.setMode("code");
      const { session } = editor.aceEditor;
      const place = (offset) => session.doc.indexToPosition(offset);
      for (const [from, to, text] of [...edits].sort((one, other) => other[0] - one[0])) {
        session.replace({ start: place(from), end: place(to) }, text);
      }
      editor.aceEditor.selection.setRange({ start: place(start), end: place(end) });
      editor.aceEditor.renderer.scrollCursorIntoView(null, 0.5);
      editor.aceEditor.focus();
    }

    // Asks for an edit and does it; says why where it is refused. Returns whether it was done.
    async function act(action, fields = {}) {
      const before = text();
      try {
        const found = await (await ask("edit", { action, cursor: cursor(), ...fields })).json();
        if (text() !== before) return false;
        say(found.refused || "");
        if (!found.refused) change(found.edits, found.select);
        return !found.refused;
      } catch (error) {
        say(error.message);
        return false;
      }
    }

    function cursor() {
      const ace = editor.aceEditor;
      return ace ? ace.session.doc.positionToIndex(ace.getCursorPosition()) : 0;
    }

    box.addEventListener("flow-goto", (event) => act("goto", { pointer: event.detail.pointer }));

    field.hidden = true;
    holder.hidden = false;
    holder.flowEditor = editor;
    box.classList.add("flow-scripted");
    tell("flow-editor-started", { box, holder, maxBytes, text, cursor, ask, act, change, say });
    adaptMode();
    if (editor.aceEditor) editor.aceEditor.resize();
  }

  document.addEventListener("DOMContentLoaded", () => {
    // Without constructed style sheets code mode may have no style, and then nothing in it is readable.
    if ("adoptedStyleSheets" in document) document.querySelectorAll(".flow-document").forEach(start);
  });
})();
