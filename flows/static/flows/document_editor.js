// Lays jsoneditor over the text field of a flow's document. The field holds the text and is what is sent;
// without this file, or where the editor cannot start, it is used as it is.
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

  // Code mode brings its style sheets as text; where a Content-Security-Policy forbids that, nothing of it is readable.
  function stylesAreAllowed() {
    const style = document.createElement("style");
    style.textContent = "x { color: inherit }";
    document.head.append(style);
    const allowed = Boolean(style.sheet);
    style.remove();
    return allowed;
  }

  function start(box) {
    const field = box.querySelector("textarea");
    const holder = box.querySelector(".flow-editor");
    const note = box.querySelector(".flow-editor-message");
    const options = JSON.parse(box.querySelector("script[type='application/json']").textContent);
    const maxBytes = options.maxBytes;
    delete options.maxBytes;
    if (!stylesAreAllowed()) Object.assign(options, { mode: "text", modes: ["text", "tree"] });
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
        box.dispatchEvent(new CustomEvent("flow-document-changed", { bubbles: true, detail: { text: text() } }));
        if (!note.hidden && !refusal()) say("");
      },
      onError: (error) => say(error.message || String(error)),
    });
    editor.setText(field.value);

    function adaptMode() {
      const ace = editor.aceEditor;
      if (ace) {
        ace.setOption("enableKeyboardAccessibility", true);
        ace.textInput.getElement().setAttribute("aria-label", "Document");
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
    const setMode = editor.setMode;
    editor.setMode = function (mode) {
      const loss = mode === "tree" ? lossInTree(editor.getText()) : null;
      if (loss) {
        say(`Tree mode cannot show this document as it is: ${loss}. It stays as text.`);
        return;
      }
      if (touched()) edited = true;
      const laidOut = editor.getMode() === "tree" ? JSON.stringify(editor.get(), null, 2) + "\n" : null;
      setMode.call(editor, mode);
      if (laidOut !== null) editor.setText(laidOut);
      treeAsEntered = mode === "tree" ? JSON.stringify(editor.get()) : "";
      adaptMode();
    };
    adaptMode();

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

    field.hidden = true;
    holder.hidden = false;
    holder.flowEditor = editor;
    if (editor.aceEditor) editor.aceEditor.resize();
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".flow-document").forEach(start);
  });
})();
