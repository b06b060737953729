/* Conveniences only: everything works without this file. */
(function () {
  "use strict";

  function pad(number) {
    return String(number).padStart(2, "0");
  }

  /* Times stand in UTC; the reader's own zone joins them in the title. */
  function localTimes(root) {
    root.querySelectorAll("time[datetime]:not([data-local])").forEach(function (element) {
      var at = new Date(element.getAttribute("datetime"));
      if (isNaN(at)) { return; }
      element.setAttribute("data-local", "");
      var minutes = -at.getTimezoneOffset();
      if (minutes === 0) { return; }
      var size = Math.abs(minutes);
      var zone = (minutes < 0 ? "−" : "+") + pad(Math.floor(size / 60)) + ":" + pad(size % 60);
      element.title += " · " + at.getFullYear() + "-" + pad(at.getMonth() + 1) + "-" +
        pad(at.getDate()) + " " + pad(at.getHours()) + ":" + pad(at.getMinutes()) + " (" + zone + ")";
    });
  }

  /* A line that is to be sent to somebody: one press copies it. */
  function copyButtons(root) {
    root.querySelectorAll("button[data-copy]").forEach(function (button) {
      if (!navigator.clipboard) { return; }
      button.hidden = false;
      button.addEventListener("click", function () {
        var line = document.getElementById(button.getAttribute("data-copy"));
        navigator.clipboard.writeText(line.textContent.trim()).then(function () {
          button.querySelector("[data-word]").textContent = "Copied";
        }, function () { /* refused by the browser: the line can be marked by hand */ });
      });
    });
  }

  /* Who will see this: asked again, in its place, when the form changes or its button is pressed.
     One question at a time; what changed meanwhile is asked once that is answered. */
  var asked = new WeakMap();
  function look(form, open) {
    var part = form.querySelector("[data-sees]");
    if (!part || !window.htmx) { return; }
    var earlier = asked.get(part);
    if (earlier) { earlier.again = true; earlier.open = earlier.open || open; return; }
    var present = { again: false, open: open || part.querySelector("details[open]") !== null };
    asked.set(part, present);
    function answered() {
      asked.delete(part);
      part.querySelectorAll("details").forEach(function (one) { one.open = present.open; });
      if (present.again) { look(form, present.open); }
    }
    window.htmx.ajax("POST", form.getAttribute("action"), {
      source: part, target: part, swap: "innerHTML", select: "#" + part.id + " > *",
      values: { rehearse: "yes" }
    }).then(answered, answered);
  }
  document.addEventListener("change", function (event) {
    var form = event.target.form;
    if (form && event.target.matches("select, input[type=checkbox], input[type=radio]")) {
      look(form, false);
    }
  });
  document.addEventListener("click", function (event) {
    var button = event.target.closest("button[name=rehearse]");
    if (!button || !window.htmx) { return; }
    event.preventDefault();
    look(button.form, true);
  });

  /* A form that is on its way is not sent twice. */
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.method !== "post") { return; }
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    form.querySelectorAll("button[type=submit]").forEach(function (button) {
      button.setAttribute("aria-disabled", "true");
    });
  });
  window.addEventListener("pageshow", function (event) {
    if (!event.persisted) { return; }
    document.querySelectorAll("form[data-sent]").forEach(function (form) {
      delete form.dataset.sent;
    });
    document.querySelectorAll("button[aria-disabled]").forEach(function (button) {
      button.removeAttribute("aria-disabled");
    });
  });

  /* A menu closes when one looks elsewhere. */
  document.addEventListener("click", function (event) {
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      if (!menu.contains(event.target)) { menu.open = false; }
    });
  });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") { return; }
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });

  function enliven(root) { localTimes(root); copyButtons(root); }
  enliven(document);
  document.addEventListener("htmx:afterSettle", function (event) { enliven(event.target); });
  document.addEventListener("htmx:oobAfterSwap", function () { localTimes(document); });

  /* What a person opened, or is at, is not taken away when its part is looked at again. */
  document.addEventListener("htmx:oobBeforeSwap", function (event) {
    var part = event.detail.target;
    if (part.querySelector("details[open] form") || part.contains(document.activeElement)) {
      event.detail.shouldSwap = false;
    }
  });
})();
