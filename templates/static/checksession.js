// Answers "client_id session_state" from the page that holds this one in a frame
// (OpenID Connect Session Management 1.0, section 3.2). Old script on purpose, and
// a hash of its own: crypto.subtle answers later, and not in every context.
"use strict";

(function () {
  var cookie = document.documentElement.getAttribute("data-cookie");

  function browserState() {
    var pairs = document.cookie.split("; ");
    for (var i = 0; i < pairs.length; i++) {
      if (pairs[i].indexOf(cookie + "=") === 0) return pairs[i].slice(cookie.length + 1);
    }
    return "";
  }

  // SHA-256 (FIPS 180-4, section 6.2) of ASCII text.
  var K = [], H = [];
  (function () {
    function fraction(x) { return ((x - Math.floor(x)) * 4294967296) | 0; }
    for (var n = 2; K.length < 64; n++) {
      var prime = true;
      for (var d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
      if (!prime) continue;
      if (H.length < 8) H.push(fraction(Math.pow(n, 1 / 2)));
      K.push(fraction(Math.pow(n, 1 / 3)));
    }
  })();

  function sha256(text) {
    var words = [], i, j;
    for (i = 0; i < text.length; i++) words[i >> 2] |= text.charCodeAt(i) << (24 - (i % 4) * 8);
    words[text.length >> 2] |= 0x80 << (24 - (text.length % 4) * 8);
    var length = (((text.length + 8) >> 6) + 1) * 16;
    words[length - 1] = text.length * 8;
    var h = H.slice();
    for (i = 0; i < length; i += 16) {
      var w = [], s = h.slice();
      for (j = 0; j < 64; j++) {
        if (j < 16) w[j] = words[i + j] | 0;
        else {
          var a = w[j - 15], b = w[j - 2];
          w[j] = (w[j - 16] + w[j - 7] + (turn(a, 7) ^ turn(a, 18) ^ (a >>> 3)) + (turn(b, 17) ^ turn(b, 19) ^ (b >>> 10))) | 0;
        }
        var t1 = (s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + K[j] + w[j]) | 0;
        var t2 = ((turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]))) | 0;
        s = [(t1 + t2) | 0, s[0], s[1], s[2], (s[3] + t1) | 0, s[4], s[5], s[6]];
      }
      for (j = 0; j < 8; j++) h[j] = (h[j] + s[j]) | 0;
    }
    var out = "";
    for (i = 0; i < 8; i++) out += ("0000000" + (h[i] >>> 0).toString(16)).slice(-8);
    return out;
  }

  function turn(x, n) { return (x >>> n) | (x << (32 - n)); }

  function answer(origin, data) {
    var match = typeof data === "string" && data.length < 1024 && /^([\x21-\x7e]+) ([0-9a-f]{64})\.([\x21-\x7e]+)$/.exec(data);
    if (!match) return "error";
    return sha256(match[1] + " " + origin + " " + browserState() + " " + match[3]) === match[2] ? "unchanged" : "changed";
  }

  window.addEventListener("message", function (e) {
    if (!e.source || e.source === window || e.origin === "null") return;
    e.source.postMessage(answer(e.origin, e.data), e.origin);
  });
})();
