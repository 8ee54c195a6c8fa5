(function () {
  "use strict";
  var stored = null;
  try { stored = window.localStorage.getItem("medcnn-theme"); } catch (error) { stored = null; }
  if (stored === "light" || stored === "dark") {
    document.documentElement.setAttribute("data-theme", stored);
  }
})();
