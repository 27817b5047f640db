// Goes on as soon as every application has been told. The page goes on by itself
// after some seconds, with and without script.
"use strict";

let told = 0;
const goOn = () => {
  const next = document.getElementById("next");
  if (next && document.readyState !== "loading" && told >= document.querySelectorAll("iframe").length) location.replace(next.href);
};
// Listening before the first frame is there: none is missed.
document.addEventListener("load", (e) => {
  if (!(e.target instanceof HTMLIFrameElement)) return;
  told += 1;
  goOn();
}, true);
document.addEventListener("DOMContentLoaded", goOn);
