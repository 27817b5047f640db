// Everything here only adds to pages that work without it.
"use strict";

for (const button of document.querySelectorAll("[data-reveal]")) {
  const input = document.getElementById(button.dataset.reveal);
  const show = (on) => {
    input.type = on ? "text" : "password";
    button.setAttribute("aria-pressed", String(on));
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    show(input.type === "password");
    input.focus();
  });
  // Sent as a password, so that browsers don't keep it as a form value.
  input.form.addEventListener("submit", () => show(false));

  const caps = document.getElementById("caps");
  if (caps) {
    input.addEventListener("keyup", (e) => {
      if (e.getModifierState) caps.textContent = e.getModifierState("CapsLock") ? caps.dataset.caps : "";
    });
    input.addEventListener("blur", () => { caps.textContent = ""; });
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

for (const button of document.querySelectorAll("[data-download]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([document.getElementById(button.dataset.download).textContent], { type: "text/plain" }));
    link.download = button.dataset.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

const problem = document.getElementById("problem");
if (problem) problem.focus();

// A second click within three seconds does not send the form again.
for (const form of document.forms) {
  let last = -Infinity;
  form.addEventListener("submit", (e) => {
    if (e.timeStamp - last < 3000) e.preventDefault();
    else last = e.timeStamp;
  });
  addEventListener("pageshow", () => { last = -Infinity; });
}
