"use strict";
document.getElementById("formpost").submit();
