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

// Moments in the time of who reads them.
for (const time of document.querySelectorAll("time[datetime]")) {
  time.title = time.textContent;
  time.textContent = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" }).format(new Date(time.dateTime));
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

// Passkeys. The browser's own helpers read and write the JSON forms; what lacks
// them gets the few lines below.
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const read = (kind, json) => {
  const helper = kind === "get" ? "parseRequestOptionsFromJSON" : "parseCreationOptionsFromJSON";
  if (PublicKeyCredential[helper]) return PublicKeyCredential[helper](json);
  const list = (all) => (all || []).map((c) => ({ ...c, id: bytes(c.id) }));
  const options = { ...json, challenge: bytes(json.challenge) };
  if (json.user) options.user = { ...json.user, id: bytes(json.user.id) };
  if (json.allowCredentials) options.allowCredentials = list(json.allowCredentials);
  if (json.excludeCredentials) options.excludeCredentials = list(json.excludeCredentials);
  return options;
};

const write = (credential) => {
  if (credential.toJSON) return JSON.stringify(credential.toJSON());
  const r = credential.response;
  const response = { clientDataJSON: text64(r.clientDataJSON) };
  for (const name of ["authenticatorData", "signature", "userHandle", "attestationObject"]) if (r[name]) response[name] = text64(r[name]);
  if (r.getTransports) response.transports = r.getTransports();
  return JSON.stringify({
    id: credential.id, rawId: text64(credential.rawId), type: credential.type, response,
    clientExtensionResults: credential.getClientExtensionResults(),
  });
};

// What only a browser with passkeys is offered.
for (const button of window.PublicKeyCredential ? document.querySelectorAll("[data-able]") : []) button.hidden = false;

let asking = null; // the call that waits in the background while people type
for (const form of window.PublicKeyCredential ? document.querySelectorAll("[data-passkey]") : []) {
  const kind = form.dataset.passkey;
  const status = form.querySelector("[data-failed]");
  const call = async (more) => {
    const publicKey = read(kind, JSON.parse(form.dataset.options).publicKey);
    const credential = await navigator.credentials[kind]({ publicKey, ...more });
    form.elements.credential.value = write(credential);
    form.submit();
  };
  form.querySelector("[data-ceremony]").hidden = false;
  form.addEventListener("submit", async (e) => {
    if (e.submitter && e.submitter.name === "decision") return;
    e.preventDefault();
    if (asking) asking.abort();
    status.textContent = "";
    try {
      await call({});
    } catch (err) {
      const known = { NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "known" };
      status.textContent = status.dataset[known[err.name] || "failed"];
    }
  });
  if (form.dataset.conditional !== undefined && PublicKeyCredential.isConditionalMediationAvailable) {
    PublicKeyCredential.isConditionalMediationAvailable().then((able) => {
      if (!able) return;
      asking = new AbortController();
      call({ mediation: "conditional", signal: asking.signal }).catch(() => {}); // nobody asked for it aloud
    });
  }
}

// What the browser may forget: passkeys that were removed, and old names of people.
const tell = (method, what) => {
  if (window.PublicKeyCredential && PublicKeyCredential[method]) PublicKeyCredential[method](what).catch(() => {}); // it may not want to know
};
for (const place of document.querySelectorAll("[data-signal]")) {
  const { rpId, userId, allAcceptedCredentialIds, name, displayName } = JSON.parse(place.dataset.signal);
  tell("signalAllAcceptedCredentials", { rpId, userId, allAcceptedCredentialIds });
  tell("signalCurrentUserDetails", { rpId, userId, name, displayName });
}
for (const place of document.querySelectorAll("[data-unknown]")) tell("signalUnknownCredential", JSON.parse(place.dataset.unknown));

// Whether it makes sense to offer a passkey later.
if (window.PublicKeyCredential && PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable) {
  for (const input of document.querySelectorAll("input[name=passkeys]")) {
    PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable().then((able) => { input.value = able ? "1" : ""; });
  }
}

// A code for another device: its seconds run down, and the page asks, less often
// with time, whether somebody answered there.
for (const form of document.querySelectorAll("[data-auto]")) form.submit();
for (const link of document.querySelectorAll("a[data-go]")) location.replace(link.href);
const waiting = document.querySelector("[data-poll]");
if (waiting) {
  const end = performance.now() + Number(waiting.dataset.seconds) * 1000;
  const left = document.getElementById("left");
  setInterval(() => {
    const s = Math.max(1, Math.ceil((end - performance.now()) / 1000));
    left.textContent = s === 1 ? left.dataset.one : left.dataset.other.replace("99", String(s));
  }, 500);
  let pause = 1000;
  const ask = async () => {
    try {
      const answer = await fetch(location.href, { headers: { accept: "application/json" } });
      const { view } = await answer.json();
      if (!view || view.state !== "waiting" || view.code !== waiting.dataset.poll) location.reload();
    } catch { /* offline for a moment */ }
    pause = Math.min(pause * 1.3, 6000);
    setTimeout(ask, Math.min(pause, Math.max(500, end - performance.now())));
  };
  setTimeout(ask, pause);
}
