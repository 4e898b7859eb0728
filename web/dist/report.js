"use strict";
(() => {
  // page/blocks.ts
  function textOf(id) {
    const element = document.getElementById(id);
    if (!element) throw new Error(`The page has no block "${id}"`);
    return element.textContent ?? "";
  }
  function readJson(id) {
    return JSON.parse(textOf(id));
  }
  function decodeBase64(text2) {
    const modern = Uint8Array.fromBase64;
    if (modern) return modern.call(Uint8Array, text2);
    const binary = atob(text2);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < bytes.length; ++i) bytes[i] = binary.charCodeAt(i);
    return bytes;
  }
  function fileIsRead() {
    if (document.readyState !== "loading") return Promise.resolve();
    return new Promise((resolve) => document.addEventListener("DOMContentLoaded", () => resolve(), { once: true }));
  }
  async function readBlock(id) {
    const stream = new Blob([decodeBase64(textOf(id))]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  }
  async function parseBlock(id) {
    return JSON.parse(new TextDecoder().decode(await readBlock(id)));
  }

  // page/text.ts
  var kAlways = "\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f-\\u1160\\u17b4-\\u17b5\\u180e\\u200b\\u200e-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u2800\\u3164\\ufeff\\uffa0\\ufff0-\\ufffb\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e00ff}\\u{e01f0}-\\u{e0fff}\\ud800-\\udfff";
  var kSelectors = "\\u180b-\\u180d\\u180f\\ufe00-\\ufe0f\\u{e0100}-\\u{e01ef}";
  var kScripts = "\\u0600-\\u109f\\u1780-\\u180a\\u1810-\\u1cff\\ua800-\\uaaff\\uabc0-\\uabff\\ufb50-\\ufdff\\ufe70-\\ufefc\\u{10a00}-\\u{11fff}\\u{1e900}-\\u{1e95f}";
  var kSymbols = "\\u00a9\\u00ae\\u203c\\u2049\\u2122\\u2139\\u2190-\\u2bff\\u3030\\u303d\\u3297\\u3299\\u{1f000}-\\u{1faff}";
  var kIdeographs = "\\u2e80-\\u9fff\\uf900-\\ufaff\\uff01-\\uff5e\\u{20000}-\\u{3ffff}";
  var seen = (classes) => `(?![${kAlways}])[${classes}]`;
  var kInvisible = new RegExp([
    `[${kAlways}]`,
    `\\u200c(?<!${seen(kScripts)}\\u200c)`,
    `\\u200d(?<!${seen(kScripts)}\\u200d|${seen(kSymbols)}\\ufe0f?\\u200d)`,
    `[${kSelectors}](?<!${seen(kScripts + kSymbols + kIdeographs)}.|[0-9#*]\\ufe0f)`
  ].join("|"), "gu");
  function spelledOut(character) {
    return `‹${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}›`;
  }
  function plainText(text2) {
    return text2.replace(kInvisible, spelledOut);
  }
  function visibleToken(text2) {
    if (text2 === "") return "∅";
    return plainText(text2.replace(/^ +| +$/g, (spaces) => "␣".repeat(spaces.length)).replace(/\n/g, "↵").replace(/\t/g, "⇥"));
  }
  function runningToken(text2) {
    return text2 === "" ? "∅" : plainText(text2.replace(/\n/g, "↵\n"));
  }
  function formatCount(value) {
    return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
  }
  function formatPercent(value, digits = 1) {
    if (!Number.isFinite(value)) return "–";
    const percent = 100 * value;
    if (percent > 0 && percent < 0.5 * 10 ** -digits) {
      return percent < 1e-4 ? `${percent.toExponential(0)} %` : `${Number(percent.toPrecision(1))} %`;
    }
    return `${percent.toFixed(digits)} %`;
  }
  function formatNumber(value, digits = 3) {
    if (value === null || !Number.isFinite(value)) return "–";
    if (value !== 0 && Math.abs(value) < 0.5 * 10 ** -digits) return value.toExponential(1);
    return value.toFixed(digits).replace("-", "−");
  }
  function counted(count, noun) {
    return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
  }

  // page/dom.ts
  var kShownAttributes = /* @__PURE__ */ new Set(["title", "aria-label", "placeholder", "label", "data-of"]);
  function h(selector, properties, ...children) {
    const [tag, ...classes] = selector.split(".");
    const element = document.createElement(tag || "div");
    if (classes.length) element.className = classes.join(" ");
    for (const [name, value] of Object.entries(properties ?? {})) {
      if (value === null || value === void 0 || value === false) continue;
      if (typeof value === "function") element.addEventListener(name.slice(2), value);
      else if (name === "value" || name === "checked") Object.assign(element, { [name]: value });
      else element.setAttribute(name, value === true ? "" : kShownAttributes.has(name) ? plainText(String(value)) : String(value));
    }
    return append(element, children);
  }
  function append(element, children) {
    for (const child of children) {
      if (child === null || child === void 0 || typeof child === "boolean") continue;
      if (Array.isArray(child)) append(element, child);
      else element.append(child instanceof Node ? child : document.createTextNode(plainText(String(child))));
    }
    return element;
  }
  function fill(element, ...children) {
    element.replaceChildren();
    return append(element, children);
  }
  function selectOf(label, options, onChange) {
    const select = h(
      "select",
      { "aria-label": label, onchange: () => onChange(select.value) },
      options.map(([value, title]) => h("option", { value }, title))
    );
    return select;
  }
  function markedText(text2, wanted) {
    const plain = plainText(text2);
    const nodes = [];
    const lower = plain.toLowerCase();
    let from = 0;
    if (wanted && lower.length === plain.length) {
      const sought = plainText(wanted).toLowerCase();
      for (let found; (found = lower.indexOf(sought, from)) >= 0; from = found + sought.length) {
        nodes.push(plain.slice(from, found), h("mark", null, plain.slice(found, found + sought.length)));
      }
    }
    nodes.push(plain.slice(from));
    return nodes;
  }
  var kTypingMs = 0;
  function searchField(label, onWords) {
    let typing = 0;
    const field = h("input", { type: "search", placeholder: label, "aria-label": label, oninput: () => {
      clearTimeout(typing);
      typing = window.setTimeout(() => onWords(field.value), kTypingMs);
    } });
    return field;
  }

  // page/address.ts
  function placeOf(parts = [], filters = {}) {
    return { parts: parts.map(String), filters: new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== "")) };
  }
  function decoded(part) {
    try {
      return decodeURIComponent(part);
    } catch {
      return null;
    }
  }
  function readAddress(hash) {
    const text2 = hash.replace(/^#/, "");
    const question = text2.indexOf("?");
    const [name = "", ...parts] = (question < 0 ? text2 : text2.slice(0, question)).split("/").map(decoded).filter((part) => part !== null);
    return { name, place: { parts: parts.filter((part) => part !== ""), filters: new URLSearchParams(question < 0 ? "" : text2.slice(question + 1)) } };
  }
  function writeAddress(name, { parts, filters }) {
    const query = filters.toString();
    return `#${[name, ...parts].map(encodeURIComponent).join("/")}${query ? `?${query}` : ""}`;
  }

  // page/theme.ts
  var kChoices = ["auto", "light", "dark"];
  var darkSystem = matchMedia("(prefers-color-scheme: dark)");
  var chosen = "auto";
  var forPaper = false;
  function currentTheme() {
    if (forPaper) return "light";
    if (chosen !== "auto") return chosen;
    return darkSystem.matches ? "dark" : "light";
  }
  function applyTheme() {
    document.documentElement.dataset.theme = currentTheme();
  }
  function chooseTheme(choice) {
    chosen = choice;
    applyTheme();
  }
  function watchTheme(onChange) {
    const change = () => {
      applyTheme();
      onChange();
    };
    darkSystem.addEventListener("change", change);
    for (const [name, paper] of [["beforeprint", true], ["afterprint", false]]) {
      addEventListener(name, () => {
        const before = currentTheme();
        forPaper = paper;
        if (currentTheme() !== before) change();
      });
    }
  }
  function themeButton(onChange) {
    const button = h("button.quiet", { type: "button", title: "Colours: as the system, light, dark", onclick: () => {
      chooseTheme(kChoices[(kChoices.indexOf(chosen) + 1) % kChoices.length]);
      button.textContent = `theme: ${chosen}`;
      onChange();
    } }, `theme: ${chosen}`);
    watchTheme(onChange);
    return button;
  }

  // page/shell.ts
  function makeShell({ title, subtitle: subtitle2, views }) {
    const names = [...views.keys()];
    const opened = /* @__PURE__ */ new Map();
    const focused = /* @__PURE__ */ new Map();
    let current = "";
    const tabs = names.map((name) => h("button.tab", {
      type: "button",
      role: "tab",
      id: `tab-${name}`,
      "aria-controls": `view-${name}`,
      onclick: () => show(name)
    }, views.get(name).title));
    const panels = names.map((name) => h(
      "div.view",
      { role: "tabpanel", id: `view-${name}`, "aria-labelledby": `tab-${name}`, hidden: true },
      views.get(name).element
    ));
    const list = h("div.tabs", { role: "tablist", "aria-label": "Views", onkeydown: (event) => {
      const step2 = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      if (!step2) return;
      const next = tabs[(names.indexOf(current) + step2 + names.length) % names.length];
      next.click();
      next.focus();
    } }, tabs);
    function addressOf(name) {
      return writeAddress(name, views.get(name).place?.() ?? placeOf());
    }
    function reveal(name) {
      const { activeElement } = document;
      if (current && activeElement instanceof HTMLElement && views.get(current).element.contains(activeElement)) focused.set(current, activeElement);
      current = name;
      names.forEach((other, i) => {
        const selected = other === name;
        panels[i].hidden = !selected;
        tabs[i].setAttribute("aria-selected", String(selected));
        tabs[i].tabIndex = selected ? 0 : -1;
      });
      const view = views.get(name);
      if (!opened.has(name)) {
        view.draw?.();
        view.open?.(placeOf());
      }
      opened.set(name, addressOf(name));
    }
    function step(address) {
      rememberScroll();
      if (address !== location.hash) history.pushState({ scroll: 0 }, "", address);
    }
    function rememberScroll() {
      history.replaceState({ scroll: scrollY }, "", location.hash || location.pathname);
    }
    function show(name) {
      if (name === current) return;
      rememberScroll();
      reveal(name);
      if (addressOf(name) !== location.hash) history.pushState({ scroll: 0 }, "", addressOf(name));
      scrollTo(0, 0);
    }
    function moved(name, isStep) {
      const address = addressOf(name);
      opened.set(name, address);
      if (current !== name) {
        show(name);
      } else if (isStep) {
        step(address);
      } else {
        history.replaceState(history.state, "", address);
      }
    }
    function open(state) {
      const { name: wanted, place } = readAddress(location.hash);
      const name = views.has(wanted) ? wanted : names[0];
      const before = current;
      const view = views.get(name);
      if (view.open && name === wanted && opened.get(name) !== writeAddress(name, place)) {
        if (!opened.has(name)) view.draw?.();
        panels[names.indexOf(name)].hidden = false;
        view.open(place);
        opened.set(name, addressOf(name));
      }
      reveal(name);
      if (state) scrollTo(0, state.scroll);
      if (before && before !== name) focused.get(name)?.focus({ preventScroll: true });
    }
    document.title = plainText(title);
    history.scrollRestoration = "manual";
    const app = document.getElementById("app");
    const redraw = () => {
      for (const name of opened.keys()) views.get(name).draw?.();
    };
    fill(
      app,
      h(
        "header.page",
        null,
        h("div.masthead", null, h("div", null, h("h1", null, title), h("p.subtitle", null, subtitle2)), themeButton(redraw)),
        h("nav", { "aria-label": "Views" }, list)
      ),
      h("main", null, panels)
    );
    addEventListener("popstate", (event) => open(event.state));
    addEventListener("pagehide", rememberScroll);
    open(history.state);
    document.documentElement.dataset.ready = "true";
    return { show, moved };
  }
  function runPage(start) {
    applyTheme();
    start().then(() => {
      document.documentElement.dataset.complete = "true";
    }).catch((failure) => {
      const message = failure instanceof Error ? failure.message : String(failure);
      fill(document.getElementById("app"), h(
        "main",
        null,
        h("h1", null, "This report cannot be shown"),
        h("p", null, `${message}. It needs a browser of 2023 or later (DecompressionStream).`)
      ));
      throw failure;
    });
  }

  // page/card_list.ts
  var kNear = "900px";
  var kFrameMs = 6;
  var kAtOnce = (task) => task();
  var CardList = class {
    constructor(options) {
      this.options = options;
      this.observer = new IntersectionObserver((entries) => {
        for (const entry of entries) {
          const card = this.cards.get(entry.target);
          if (card) this.onNear(card, entry.isIntersecting);
        }
      }, { rootMargin: `${kNear} 0px` });
    }
    options;
    element = h("div.answers");
    observer;
    cards = /* @__PURE__ */ new Map();
    tasks = [];
    later = (task) => {
      if (this.tasks.push(task) === 1) requestAnimationFrame(() => this.work());
    };
    show(items) {
      this.observer.disconnect();
      this.cards = new Map(items.map((item) => {
        const element = document.createElement("article");
        element.className = "card answer";
        element.setAttribute("aria-label", plainText(this.options.name(item)));
        element.style.height = `${this.options.height(item)}px`;
        return [element, { item, element, filled: false }];
      }));
      if (items.length) this.element.replaceChildren(...this.cards.keys());
      else fill(this.element, h("p.nothing", null, this.options.nothing));
      for (const element of this.cards.keys()) this.observer.observe(element);
    }
    /** The items that are shown, in their order. */
    items() {
      return [...this.cards.values()].map((card) => card.item);
    }
    /** The card of an item, filled; undefined where it is not shown. */
    cardOf(isWanted) {
      const card = [...this.cards.values()].find(({ item }) => isWanted(item));
      if (!card) return void 0;
      this.fill(card, kAtOnce);
      while (this.tasks.length) this.tasks.shift()();
      return card.element;
    }
    /** For paper: the first cards are filled, all others hidden, until restore(). */
    fillFirst(most) {
      this.observer.disconnect();
      [...this.cards.values()].forEach((card, i) => {
        card.element.hidden = i >= most;
        if (i < most) this.fill(card, kAtOnce);
      });
      while (this.tasks.length) this.tasks.shift()();
    }
    restore() {
      for (const { element } of this.cards.values()) {
        element.hidden = false;
        this.observer.observe(element);
      }
    }
    work() {
      const started = performance.now();
      do
        this.tasks.shift()?.();
      while (this.tasks.length && performance.now() - started < kFrameMs);
      if (this.tasks.length) requestAnimationFrame(() => this.work());
    }
    fill(card, later) {
      if (card.filled) return;
      fill(card.element, this.options.content(card.item, later));
      card.element.style.height = "";
      card.filled = true;
    }
    onNear(card, isNear) {
      const { element } = card;
      if (isNear) {
        this.fill(card, this.later);
      } else if (card.filled && !element.contains(document.activeElement) && !this.options.keep?.(element)) {
        element.style.height = `${element.offsetHeight}px`;
        element.replaceChildren();
        card.filled = false;
      }
    }
  };

  // page/palette.ts
  var kRunColours = {
    light: ["#0a6466", "#aa67c0", "#393600", "#be424a", "#054299", "#e57159"],
    dark: ["#0bd0d5", "#a573d0", "#eee679", "#f775a8", "#95d7ff", "#a46b14"]
  };
  var kDashes = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [10, 4], [3, 5]];
  function runColour(theme, index) {
    return kRunColours[theme][index % kRunColours[theme].length];
  }
  function cueOf(index) {
    return (index + Math.floor(index / 6)) % 6;
  }
  function runDash(index) {
    return kDashes[cueOf(index)];
  }
  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  }

  // page/save.ts
  var kPngScale = 2;
  function download(name, content) {
    const address = URL.createObjectURL(content);
    h("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1e3);
  }
  function svgText(picture) {
    const { width, height } = picture.viewBox.baseVal;
    const copy = picture.cloneNode(true);
    copy.setAttribute("width", String(width));
    copy.setAttribute("height", String(height));
    copy.style.background = colour("surface");
    return new XMLSerializer().serializeToString(copy);
  }
  async function pngOf(picture) {
    const { width, height } = picture.viewBox.baseVal;
    const image = new Image(kPngScale * width, kPngScale * height);
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgText(picture))}`;
    await image.decode();
    const canvas = h("canvas", { width: kPngScale * width, height: kPngScale * height });
    const context = canvas.getContext("2d");
    context.fillStyle = colour("surface");
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve, reject) => canvas.toBlob((blob) => blob ? resolve(blob) : reject(new Error("The picture is too large")), "image/png"));
  }

  // page/chart_card.ts
  var kDefaultWidth = 460;
  var tip = null;
  function showTip(event, value) {
    tip ??= document.body.appendChild(h("div.chart-tip", { role: "status", hidden: true }));
    tip.hidden = !value;
    if (!value) return;
    fill(tip, value);
    const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(8, x)}px`;
    tip.style.top = `${Math.max(8, event.clientY - tip.offsetHeight - 10)}px`;
  }
  function saveButtons(title, name, picture) {
    const button = (kind, save) => h("button.quiet", {
      type: "button",
      title: `Save as ${kind}`,
      "aria-label": `Save “${title}” as ${kind}`,
      onclick: save
    }, kind);
    return h(
      "span.save",
      null,
      button("SVG", () => download(`${name}.svg`, new Blob([svgText(picture())], { type: "image/svg+xml" }))),
      button("PNG", () => {
        void pngOf(picture()).then((image) => download(`${name}.png`, image));
      })
    );
  }
  function chartCard(title, name, make) {
    const holder = h("div.chart");
    let drawnAt = 0;
    const draw = () => {
      drawnAt = holder.clientWidth || drawnAt || kDefaultWidth;
      holder.replaceChildren(make(drawnAt));
    };
    new ResizeObserver(() => {
      if (holder.firstChild && holder.clientWidth && Math.abs(holder.clientWidth - drawnAt) > 1) draw();
    }).observe(holder);
    return { card: h("figure.card", null, h("figcaption", null, title, saveButtons(title, name, () => holder.firstChild)), holder), draw };
  }

  // page/position.ts
  var kClasses = ["unshifted", "marginal", "shifted"];
  function classIndex(rank) {
    return rank <= 1 ? 0 : rank <= 3 ? 1 : 2;
  }
  function classOf(rank) {
    return kClasses[rank === null ? 2 : classIndex(rank)];
  }

  // page/inspector.ts
  var kMostRows = 14;
  function rankText(rank) {
    return rank === null ? "> 50" : formatCount(rank);
  }
  function rowsOf(position, columns) {
    const rows = /* @__PURE__ */ new Map();
    const rowOf = (entry) => {
      const row = rows.get(entry.token) ?? { entry, logps: columns.map(() => null), isAnswer: entry.token === position.token };
      rows.set(entry.token, row);
      return row;
    };
    columns.forEach(({ side }, c) => {
      for (const entry of side.top ?? []) rowOf(entry).logps[c] = entry.logp;
      rowOf({ token: position.token, text: position.text, logp: side.logp }).logps[c] ??= side.logp;
    });
    const best = (row) => Math.max(...row.logps.map((logp) => logp ?? -Infinity));
    const sorted2 = [...rows.values()].sort((a, b) => best(b) - best(a));
    const shown = sorted2.slice(0, kMostRows);
    const answer = sorted2.find((row) => row.isAnswer);
    return !answer || shown.includes(answer) ? shown : [...shown.slice(0, -1), answer];
  }
  function barCell({ kind }, logp, isMirrored) {
    const probability = logp === null ? 0 : Math.exp(logp);
    const bar = h("span.fill");
    bar.style.width = `${100 * probability}%`;
    return h(`td.bar-cell.${kind}${isMirrored ? ".mirrored" : ""}`, null, h("span.meter", null, bar));
  }
  function numberCell(logp) {
    return logp === null ? h("td.number.absent", { title: "not among the candidates that are kept" }, "·") : h("td.number", null, formatPercent(Math.exp(logp)));
  }
  function pieceCell(row, onChoose) {
    const text2 = visibleToken(row.entry.text);
    const label = h("code", null, text2);
    if (!onChoose || row.isAnswer) return h("th.piece", { scope: "row", title: text2 }, label);
    return h(
      "th.piece",
      { scope: "row", title: text2 },
      h("button.choose", { type: "button", title: `Continue from “${text2}”`, onclick: () => onChoose(row.entry) }, label)
    );
  }
  function listTable(position, columns, onChoose) {
    const [left, right] = columns;
    const rows = rowsOf(position, columns).map((row) => {
      const cell = (c, mirrored = false) => [barCell(columns[c], row.logps[c], mirrored), numberCell(row.logps[c])];
      const cells = columns.length === 2 ? [cell(0, true).reverse(), pieceCell(row, onChoose), cell(1)] : [pieceCell(row, onChoose), columns.map((_, c) => cell(c))];
      return h(row.isAnswer ? "tr.answer" : "tr", { "aria-current": row.isAnswer ? "true" : null }, cells);
    });
    const head = (column, mirrored = false) => h(`th.${column.kind}${mirrored ? ".mirrored" : ""}`, { scope: "colgroup", colspan: 2, title: column.name }, column.name);
    const corner = h("td");
    const heads = columns.length === 2 ? [head(left, true), corner, head(right)] : [corner, columns.map((column) => head(column))];
    return h(
      `table.tops${columns.length === 2 ? ".mirror" : ""}`,
      { "aria-label": "Candidates and their probabilities" },
      h("thead", null, h("tr", null, heads)),
      h("tbody", null, rows)
    );
  }
  function fact(label, value, title = null) {
    return h("div", { title }, h("dt", null, label), h("dd", null, value));
  }
  function divergenceFacts({ kl, klReverse, js, tv, bounds }) {
    if (bounds) {
      return [
        fact("KL lower bound", formatNumber(bounds.kl), "KL(aligned ‖ base) is at least this, nats"),
        fact("total variation", `${formatNumber(bounds.tvLow)} to ${formatNumber(bounds.tvHigh)}`, "It lies between these")
      ];
    }
    return [
      fact("KL(aligned ‖ base)", formatNumber(kl), "nats"),
      klReverse === null ? null : fact("KL(base ‖ aligned)", formatNumber(klReverse), "nats"),
      js === null ? null : fact("Jensen–Shannon", formatNumber(js), "nats"),
      tv === null ? null : fact("total variation", formatNumber(tv))
    ];
  }
  function facts(position) {
    const { base, aligned } = position;
    const entropies = [
      base.entropy === null ? null : fact("base entropy", formatNumber(base.entropy, 2), "nats"),
      !aligned || aligned.entropy === null ? null : fact("aligned entropy", formatNumber(aligned.entropy, 2), "nats")
    ];
    if (!aligned) {
      return [
        fact("rank", rankText(base.rank), "Place of this token among what the model could have said"),
        fact("probability", formatPercent(Math.exp(base.logp), 2)),
        entropies
      ];
    }
    return [
      fact("base rank", rankText(base.rank), "Place of this token in the base model’s distribution"),
      fact("aligned rank", rankText(aligned.rank)),
      fact("log-ratio", formatNumber(aligned.logp - base.logp, 2), "log p(aligned) − log p(base) of this token, nats"),
      divergenceFacts(position),
      entropies
    ];
  }
  function describePosition(position) {
    const { base, aligned, kl, bounds } = position;
    const best = base.top?.[0];
    const distance = bounds ? `, KL at least ${formatNumber(bounds.kl, 2)} nats` : kl === null ? "" : `, KL ${formatNumber(kl, 2)} nats`;
    return `Token ${visibleToken(position.text)}, ${classOf(base.rank)}, ${aligned ? "base rank" : "rank"} ${rankText(base.rank)}${distance}` + (best ? `; the ${aligned ? "base " : ""}model prefers ${visibleToken(best.text)}` : "");
  }
  function makeHint() {
    return [
      h("p", null, h("b", null, "Point at a token"), " to see what each model would have said there."),
      h(
        "p",
        null,
        "Click pins it. Keys: ",
        h("kbd", null, "Tab"),
        " into an answer, ",
        h("kbd", null, "←"),
        " ",
        h("kbd", null, "→"),
        " walk, ",
        h("kbd", null, "N"),
        " ",
        h("kbd", null, "P"),
        " next and previous shifted token, ",
        h("kbd", null, "Enter"),
        " pins, ",
        h("kbd", null, "Esc"),
        " lets go."
      )
    ];
  }
  function makeInspector({ onUnpin, onStep, onChoose, hint = makeHint() }) {
    const body = h("div.inspector-body", { tabindex: 0, role: "group", "aria-label": "Numbers of the token" });
    const spoken = h("p.visually-hidden", { "aria-live": "polite" });
    const element = h("section.inspector", { "aria-label": "Token details" }, body, spoken);
    const empty = h("div.empty", null, hint);
    function clear() {
      fill(body, empty);
      element.classList.remove("pinned", "filled");
    }
    function show(position, { pinned = false, where = "", names, others = [], note } = {}) {
      const kind = classOf(position.base.rank);
      const columns = [
        { name: names?.base ?? (position.aligned ? "Base model" : "Model"), side: position.base, kind: "base" },
        ...others.map(({ name, position: { base } }) => ({ name, side: base, kind: "base" })),
        ...position.aligned ? [{ name: names?.aligned ?? "Aligned model", side: position.aligned, kind: "aligned" }] : []
      ];
      const hasLists = columns.some(({ side }) => side.top);
      fill(
        body,
        h(
          "header",
          null,
          h("code.big", null, visibleToken(position.text)),
          h(`span.badge.${kind}`, null, kind),
          h("span.where", null, where),
          h(
            "span.actions",
            null,
            h("button.quiet", { type: "button", title: "Previous shifted token (P)", "aria-label": "Previous shifted token", onclick: () => onStep(-1) }, "‹"),
            h("button.quiet", { type: "button", title: "Next shifted token (N)", "aria-label": "Next shifted token", onclick: () => onStep(1) }, "›"),
            pinned ? h("button.quiet", { type: "button", title: "Let go (Esc)", onclick: onUnpin }, "unpin") : null
          )
        ),
        hasLists ? listTable(position, columns, onChoose) : h("p.note", null, note ?? "There are no lists of candidates."),
        h("dl.facts", null, facts(position))
      );
      element.classList.toggle("pinned", pinned);
      element.classList.add("filled");
    }
    clear();
    return { element, clear, show, speak: (text2) => {
      spoken.textContent = text2;
    } };
  }

  // page/print.ts
  var kMostPrinted = 300;
  var kPageArea = 688 * 1017;
  var kPaperScale = 0.77;
  function printNote(cards, noun) {
    const note = h("p.print-only");
    addEventListener("beforeprint", () => {
      const { element } = cards;
      if (!element.offsetParent) return;
      const total = cards.items().length;
      cards.fillFirst(kMostPrinted);
      const pages = Math.max(1, Math.ceil(element.scrollHeight * element.clientWidth * kPaperScale / kPageArea));
      note.textContent = (total > kMostPrinted ? `The first ${kMostPrinted} of ${formatCount(total)} ${noun}s; filters choose others. ` : `${counted(total, noun)}. `) + `About ${counted(pages, "page")} of A4.`;
    });
    addEventListener("afterprint", () => cards.restore());
    return note;
  }

  // page/run_picker.ts
  function makeRunPicker({ runs, shown, onChoose }) {
    const toggle = (run) => {
      const chosen2 = runs.filter((other) => shown().includes(other) !== (other === run));
      if (chosen2.length) onChoose(chosen2);
    };
    const pills = runs.map((run) => h("button.pill", { type: "button", onclick: () => toggle(run) }, run.label));
    return {
      element: runs.length < 2 ? null : h("div.pills", { role: "group", "aria-label": "Runs side by side" }, pills),
      update: () => pills.forEach((pill, i) => pill.setAttribute("aria-pressed", String(shown().includes(runs[i]))))
    };
  }

  // page/token_strip.ts
  var kMostKl = 3;
  function paintOf(colouring, token) {
    if (colouring === "surprise") return 1 - (Math.exp(token.base.logp) || 0);
    const kl = token.kl ?? token.bounds?.kl ?? Infinity;
    return Math.min(1, (Number.isNaN(kl) ? Infinity : kl) / kMostKl);
  }
  function colouringScale(colouring, isBound = false) {
    if (colouring === "class") return null;
    const [low, high, unit] = colouring === "kl" ? ["0", `${kMostKl} and more`, isBound ? "nats, KL or its lower bound" : "nats of KL"] : ["0", "1", "1 − base probability"];
    return h("span.paint-scale", null, low, h("span.ramp", { "aria-hidden": "true" }), high, h("small", null, ` ${unit}`));
  }
  function makeTokenStrip({ onHover, onPin, onStep, colouring = "class" } = {}) {
    const element = h(colouring === "class" ? "div.tokens" : "div.tokens.painted", { dir: "auto", role: "group" });
    const spans = [];
    const tokens = [];
    const indices = /* @__PURE__ */ new Map();
    const marked = { looked: null, pin: null, twin: null };
    let reachable = null;
    function paint(index) {
      const span = spans[index];
      if (colouring !== "class") span.style.setProperty("--paint", `${(100 * paintOf(colouring, tokens[index])).toFixed(0)}%`);
    }
    function append2(token) {
      const shown = runningToken(token.text);
      const spaces = shown.length - shown.trimStart().length;
      const outside = spaces < shown.length && !shown.slice(0, spaces).includes("\n") ? spaces : 0;
      const span = document.createElement("span");
      span.className = `t ${classOf(token.base.rank)}`;
      span.tabIndex = reachable ? -1 : 0;
      span.textContent = shown.slice(outside);
      reachable ??= span;
      indices.set(span, spans.length);
      spans.push(span);
      tokens.push(token);
      paint(spans.length - 1);
      if (outside) element.append(shown.slice(0, outside), span);
      else element.append(span);
    }
    function setPositions(list) {
      element.replaceChildren();
      spans.length = tokens.length = 0;
      indices.clear();
      marked.looked = marked.pin = marked.twin = reachable = null;
      list.forEach(append2);
    }
    function mark2(kind, index) {
      marked[kind]?.classList.remove(kind);
      marked[kind] = index === null ? null : spans[index] ?? null;
      marked[kind]?.classList.add(kind);
    }
    function nextShifted(from, step2) {
      for (let i = from + step2; i >= 0 && i < tokens.length; i += step2) {
        if (classOf(tokens[i].base.rank) === "shifted") return i;
      }
      return null;
    }
    function focus(index) {
      const span = spans[index];
      if (!span) return;
      if (reachable) reachable.tabIndex = -1;
      reachable = span;
      span.tabIndex = 0;
      span.focus();
    }
    function step(from, direction) {
      const next = nextShifted(from, direction);
      if (next === null) return;
      focus(next);
      onStep?.(next);
    }
    const indexOf = (event) => event.target ? indices.get(event.target) : void 0;
    element.addEventListener("mouseover", (event) => {
      const index = indexOf(event);
      if (index !== void 0) onHover?.(index, "pointer");
    });
    element.addEventListener("mouseleave", () => onHover?.(null, "pointer"));
    element.addEventListener("focusin", (event) => {
      const index = indexOf(event);
      if (index === void 0) return;
      if (reachable) reachable.tabIndex = -1;
      reachable = spans[index];
      reachable.tabIndex = 0;
      onHover?.(index, "keyboard");
    });
    element.addEventListener("click", (event) => {
      const index = indexOf(event);
      if (index !== void 0) onPin?.(index);
    });
    element.addEventListener("keydown", (event) => {
      const index = indexOf(event);
      if (index === void 0 || event.ctrlKey || event.altKey || event.metaKey) return;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (key === "ArrowRight") focus(index + 1);
      else if (key === "ArrowLeft") focus(index - 1);
      else if (key === "Home") focus(0);
      else if (key === "End") focus(spans.length - 1);
      else if (key === "n") step(index, 1);
      else if (key === "p") step(index, -1);
      else if (key === "Enter" || key === " ") onPin?.(index);
      else return;
      event.preventDefault();
    });
    return {
      element,
      append: append2,
      setPositions,
      mark: mark2,
      focus,
      nextShifted,
      get length() {
        return spans.length;
      },
      setColouring(wanted) {
        if (wanted === colouring) return;
        colouring = wanted;
        element.classList.toggle("painted", colouring !== "class");
        spans.forEach((_, i) => paint(i));
      },
      setHits(hits) {
        for (const span of element.querySelectorAll(".hit")) span.classList.remove("hit");
        for (const i of hits) spans[i]?.classList.add("hit");
      },
      tokenElement: (index) => spans[index]
    };
  }

  // page/svg.ts
  var kNamespace = "http://www.w3.org/2000/svg";
  function s(tag, attributes, ...children) {
    const element = document.createElementNS(kNamespace, tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (value !== null && value !== void 0) element.setAttribute(name, String(value));
    }
    return append(element, children);
  }
  function chart(width, height, description, ...children) {
    return s("svg", {
      xmlns: kNamespace,
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": plainText(description),
      "font-family": "system-ui, sans-serif",
      "font-size": 12.5,
      fill: colour("ink")
    }, ...children);
  }
  function withTip(element, text2) {
    element.addEventListener("pointerenter", (event) => showTip(event, text2));
    element.addEventListener("pointerleave", (event) => showTip(event, null));
    return element;
  }
  function line(x1, y1, x2, y2, stroke, width = 1, dash = null) {
    return s("line", { x1, y1, x2, y2, stroke, "stroke-width": width, "stroke-dasharray": dash, "stroke-linecap": "round" });
  }
  function text(x, y, anchor, content, fill2 = colour("ink")) {
    return s("text", { x, y, "text-anchor": anchor, fill: fill2 }, content);
  }
  var kShapes = [
    (x, y, r) => `M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`,
    (x, y, r) => `M${x - r},${y - r}h${2 * r}v${2 * r}h${-2 * r}Z`,
    (x, y, r) => `M${x},${y - 1.25 * r}l${1.2 * r},${2.1 * r}h${-2.4 * r}Z`,
    (x, y, r) => `M${x},${y - 1.35 * r}l${1.35 * r},${1.35 * r}l${-1.35 * r},${1.35 * r}l${-1.35 * r},${-1.35 * r}Z`,
    (x, y, r) => `M${x},${y + 1.25 * r}l${1.2 * r},${-2.1 * r}h${-2.4 * r}Z`,
    (x, y, r) => `M${x - r},${y - r / 3}h${2 * r}v${r * 0.66}h${-2 * r}Z`
  ];
  function mark(x, y, index, fill2, radius = 4) {
    return s("path", { d: kShapes[cueOf(index)](x, y, radius), fill: fill2, stroke: colour("surface"), "stroke-width": 1 });
  }

  // report/answer_picture.ts
  var kWidth = 900;
  var kMargin = 34;
  var kFont = 18;
  var kLine = 32;
  var kFamily = "system-ui, sans-serif";
  function layOut(pieces, top, placed) {
    const context = h("canvas").getContext("2d");
    const right = kWidth - kMargin;
    let [x, y] = [kMargin, top];
    for (const piece of pieces) {
      context.font = `${piece.isBold ? 600 : 400} ${kFont}px ${kFamily}`;
      piece.text.split("\n").forEach((part, i) => {
        if (i) [x, y] = [kMargin, y + kLine];
        let text2 = part;
        let width = context.measureText(text2).width;
        if (x > kMargin && x + width > right) {
          [x, y] = [kMargin, y + kLine];
          text2 = text2.trimStart();
          width = context.measureText(text2).width;
        }
        const spaces = text2.length - text2.trimStart().length;
        const before = context.measureText(text2.slice(0, spaces)).width;
        if (text2.length > spaces) placed.push({ ...piece, text: text2.slice(spaces), x: x + before, y, width: width - before });
        x += width;
      });
    }
    return y + kLine;
  }
  function drawn({ text: text2, kind, isBold, x, y, width }) {
    const paint = kind === "marginal" || kind === "shifted" ? colour(kind) : null;
    return s(
      "g",
      null,
      paint ? s("rect", { x: x - 1, y: y - kFont + 1, width: width + 2, height: kFont + 6, rx: 3, fill: paint, "fill-opacity": 0.22 }) : null,
      s("text", { x, y, "font-size": kFont, "font-weight": isBold ? 600 : 400, fill: colour("ink"), textLength: width.toFixed(1), lengthAdjust: "spacingAndGlyphs" }, text2),
      kind === "marginal" && paint ? line(x, y + 6, x + width, y + 6, paint, 2, "0 4") : null,
      kind === "shifted" && paint ? [line(x, y + 5, x + width, y + 5, paint, 1.5), line(x, y + 8, x + width, y + 8, paint, 1.5)] : null
    );
  }
  function answerPicture(instruction, label, tokens, shares) {
    const placed = [];
    const words = plainText(instruction).split(/(?<=\s)/).map((text2) => ({ text: text2, kind: null, isBold: true }));
    const below = layOut(words, kMargin + kFont, placed) + 12;
    const bottom = layOut(tokens.map(({ text: text2, base }) => {
      const kind = classOf(base.rank);
      return { text: runningToken(text2), kind, isBold: kind === "shifted" };
    }), below, placed) + 14;
    const key = layOut([
      ...kClasses.flatMap((kind, i) => [{ text: `${kind} ${formatPercent(shares[i])}`, kind, isBold: false }, { text: "     ", kind: null, isBold: false }]),
      { text: plainText(label), kind: null, isBold: false }
    ], bottom, placed);
    return chart(kWidth, key + 4, `Answer to: ${instruction}`, placed.map(drawn));
  }

  // report/statistics.ts
  var kResamples = 2e3;
  var kNormal95 = 1.96;
  var kRankCap = 50;
  function randomNumbers(seed) {
    let state = seed >>> 0;
    return () => {
      state = state + 1831565813 >>> 0;
      let t = Math.imul(state ^ state >>> 15, 1 | state);
      t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
      return ((t ^ t >>> 14) >>> 0) / 4294967296;
    };
  }
  function classCounts(run, answer) {
    const counts = [0, 0, 0];
    const ranks = run.columns.base_rank;
    for (let p = answer.start; p < answer.start + answer.length; ++p) ++counts[classIndex(ranks[p])];
    return counts;
  }
  function percentileInterval(sorted2) {
    const at2 = (q) => sorted2[Math.floor(q * (sorted2.length - 1) + 0.5)];
    return [at2(0.025), at2(0.975)];
  }
  var drawn2 = null;
  function drawsOf(rows, resamples) {
    if (drawn2?.rows !== rows || drawn2.resamples !== resamples) {
      const random = randomNumbers(20231204);
      const draws = new Uint32Array(rows * resamples);
      for (let i = 0; i < draws.length; ++i) draws[i] = Math.floor(random() * rows);
      drawn2 = { rows, resamples, draws };
    }
    return drawn2.draws;
  }
  function resampled(rows, resamples, values, statistic) {
    const columns = rows[0].map((_, j) => Float64Array.from(rows, (row) => row[j]));
    const draws = drawsOf(rows.length, resamples);
    const samples = Array.from({ length: values }, () => new Float64Array(resamples));
    const sums = new Float64Array(columns.length);
    for (let r = 0; r < resamples; ++r) {
      columns.forEach((column, j) => {
        sums[j] = drawnSum(column, draws, r * rows.length);
      });
      for (let j = 0; j < values; ++j) samples[j][r] = statistic(sums, j);
    }
    return samples;
  }
  function drawnSum(column, draws, from) {
    let sum = 0;
    for (let at2 = from, end = from + column.length; at2 < end; ++at2) sum += column[draws[at2]];
    return sum;
  }
  function sumsOf(rows) {
    const totals = rows[0].map(() => 0);
    for (const row of rows) row.forEach((value, i) => {
      totals[i] += value;
    });
    return totals;
  }
  function bootstrapRatios(rows, resamples = kResamples) {
    if (!rows.length) return [];
    const totals = sumsOf(rows);
    const samples = resampled(rows, resamples, totals.length - 1, (sums, j) => sums[0] > 0 ? sums[j + 1] / sums[0] : 0);
    return samples.map((sample, j) => {
      const [low, high] = percentileInterval(sample.sort());
      return { value: totals[0] > 0 ? totals[j + 1] / totals[0] : NaN, low, high };
    });
  }
  function bootstrapDifferences(before, after, resamples = kResamples) {
    if (!before.length) return [];
    const width = before[0].length;
    const difference = (sums, j) => sums[width + j + 1] / sums[width] - sums[j + 1] / sums[0];
    const rows = before.map((row, i) => [...row, ...after[i]]);
    const totals = sumsOf(rows);
    return resampled(rows, resamples, width - 1, difference).map((sample, j) => {
      const [low, high] = percentileInterval(sample.sort());
      return { value: difference(totals, j), low, high };
    });
  }
  function endsAnswer(run, answer, position) {
    return position === answer.start + answer.length - 1 && /^<[^ ]+>$/s.test(run.token(position).trim());
  }
  function meanKl(run, answer) {
    const [finite, sum] = finiteSum(run, answer, "kl_ab");
    return finite ? sum / finite : NaN;
  }
  function finiteSum(run, answer, column, withEnd = true) {
    let finite = 0;
    let sum = 0;
    const values = run.columns[column];
    if (!values) return [0, 0];
    for (let p = answer.start; p < answer.start + answer.length; ++p) {
      const value = values[p];
      if (Number.isNaN(value) || !withEnd && endsAnswer(run, answer, p)) continue;
      ++finite;
      sum += value;
    }
    return [finite, sum];
  }
  var kNoRatio = { value: NaN, low: NaN, high: NaN };
  function meanOf(run, subset, column, withEnd = true) {
    if (!run.columns[column]) return kNoRatio;
    return bootstrapRatios(subset.map((answer) => finiteSum(run, answer, column, withEnd)))[0] ?? kNoRatio;
  }
  function boundsOf(run, subset) {
    if (!run.isBounded) return null;
    return {
      kl: meanOf(run, subset, "kl_ab_lower_bound"),
      klWithoutEnds: meanOf(run, subset, "kl_ab_lower_bound", false),
      tvLower: meanOf(run, subset, "tv_lower_bound"),
      tvUpper: meanOf(run, subset, "tv_upper_bound")
    };
  }
  function pairedDifference(before, after, pairs) {
    const shareRow = (run, answer) => [answer.length, ...classCounts(run, answer)];
    return {
      answers: pairs.length,
      shares: bootstrapDifferences(pairs.map(([answer]) => shareRow(before, answer)), pairs.map(([, answer]) => shareRow(after, answer))),
      kl: before.isBounded || after.isBounded ? null : bootstrapDifferences(
        pairs.map(([answer]) => finiteSum(before, answer, "kl_ab")),
        pairs.map(([, answer]) => finiteSum(after, answer, "kl_ab"))
      )[0]
    };
  }
  var kNearTie = 0.05;
  function summarize(run, subset) {
    const { token, aligned_argmax, base_margin, aligned_margin } = run.columns;
    let agreeing = 0;
    const ties = { base: 0, aligned: 0 };
    let positions = 0;
    let finite = 0;
    let ends = 0;
    for (const answer of subset) {
      for (let p = answer.start; p < answer.start + answer.length; ++p) {
        if (aligned_argmax[p] === token[p]) ++agreeing;
        if (base_margin[p] < kNearTie) ++ties.base;
        if (aligned_margin[p] < kNearTie) ++ties.aligned;
      }
      positions += answer.length;
      finite += finiteSum(run, answer, "kl_ab")[0];
      if (answer.length && endsAnswer(run, answer, answer.start + answer.length - 1)) ++ends;
    }
    const kl = meanOf(run, subset, "kl_ab");
    return {
      answers: subset.length,
      positions,
      shares: bootstrapRatios(subset.map((answer) => [answer.length, ...classCounts(run, answer)])),
      kl,
      ends,
      klWithoutEnds: ends ? meanOf(run, subset, "kl_ab", false) : kl,
      bounds: boundsOf(run, subset),
      infiniteKl: run.isBounded ? 0 : positions - finite,
      selfAgreement: agreeing / positions,
      nearTies: { base: ties.base / positions, aligned: ties.aligned / positions }
    };
  }
  function positionGroups(longest) {
    const groups = [];
    for (let first = 1; first <= longest; ) {
      const last = Math.min(longest, Math.max(first, Math.floor(first * 1.18)));
      groups.push([first, last]);
      first = last + 1;
    }
    return groups;
  }
  var kMetrics = {
    kl: ({ columns }, p) => columns.kl_ab?.[p] ?? NaN,
    klBound: ({ columns }, p) => columns.kl_ab_lower_bound?.[p] ?? NaN,
    rank: ({ columns }, p) => Math.min(kRankCap, columns.base_rank[p]),
    // A log-probability that is not finite (NaN here) is that of an impossible token.
    probability: ({ columns }, p) => Math.exp(columns.base_logp[p]) || 0
  };
  function hasMetric(run, metric) {
    return metric === "kl" ? !run.isBounded : metric === "klBound" ? run.isBounded : true;
  }
  var kBounds = { kl: [0, Infinity], klBound: [0, Infinity], rank: [1, kRankCap], probability: [0, 1] };
  function meanWithin(run, answer, metric, first, last) {
    const value = kMetrics[metric];
    let total = 0;
    let finite = 0;
    for (let p = answer.start + first - 1; p < answer.start + Math.min(last, answer.length); ++p) {
      const x = value(run, p);
      if (Number.isNaN(x) || metric.startsWith("kl") && endsAnswer(run, answer, p)) continue;
      total += x;
      ++finite;
    }
    return finite ? total / finite : NaN;
  }
  function positionCurve(run, subset, metric, fewest = 5) {
    const [least, most] = kBounds[metric];
    const longest = subset.reduce((max, answer) => Math.max(max, answer.length), 0);
    const curve = [];
    if (!hasMetric(run, metric)) return curve;
    for (const [first, last] of positionGroups(longest)) {
      let n = 0;
      let sum = 0;
      let squares = 0;
      for (const answer of subset) {
        const mean2 = meanWithin(run, answer, metric, first, last);
        if (Number.isNaN(mean2)) continue;
        ++n;
        sum += mean2;
        squares += mean2 * mean2;
      }
      if (n < Math.min(fewest, subset.length) || n === 0) break;
      const mean = sum / n;
      const error = n > 1 ? kNormal95 * Math.sqrt(Math.max(0, squares / n - mean * mean) / (n - 1)) : 0;
      curve.push({
        first,
        last,
        position: (first + last) / 2,
        mean,
        low: Math.max(least, mean - error),
        high: Math.min(most, mean + error),
        answers: n
      });
    }
    return curve;
  }
  function between(edges, isOpen) {
    const bins = edges.slice(1).map((upper, i) => [`${edges[i]}–${upper}`, upper]);
    return isOpen ? [...bins, [`> ${edges[edges.length - 1]}`, Infinity]] : [...bins.slice(0, -1), [bins[bins.length - 1][0], Infinity]];
  }
  var kEdges = {
    kl: [0, 0.01, 0.03, 0.1, 0.3, 1, 3],
    probability: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
  };
  var kHistograms = {
    rank: [["1", 1], ["2", 2], ["3", 3], ["4–10", 10], ["11–100", 100], ["101–1k", 1e3], ["> 1k", Infinity]],
    kl: between(kEdges.kl, true),
    probability: between(kEdges.probability, false)
  };
  function histogram(run, subset, metric) {
    const value = metric === "rank" ? ({ columns }, p) => columns.base_rank[p] : kMetrics[metric];
    const bins = kHistograms[metric === "klBound" ? "kl" : metric];
    if (!hasMetric(run, metric)) return [];
    const counts = bins.map(() => 0);
    let total = 0;
    for (const answer of subset) {
      for (let p = answer.start; p < answer.start + answer.length; ++p) {
        const x = value(run, p);
        ++counts[Number.isNaN(x) ? bins.length - 1 : bins.findIndex(([, upper]) => x <= upper)];
        ++total;
      }
    }
    return bins.map(([label], i) => ({ label, share: total ? counts[i] / total : 0, count: counts[i] }));
  }
  function tokenTable(run, subset) {
    const { token, base_rank, base_argmax, kl_ab } = run.columns;
    const rows = /* @__PURE__ */ new Map();
    for (const answer of subset) {
      for (let p = answer.start; p < answer.start + answer.length; ++p) {
        const text2 = run.tokens[token[p]];
        let row = rows.get(text2);
        if (!row) rows.set(text2, row = { text: text2, count: 0, classes: [0, 0, 0], kl: 0, finite: 0, instead: /* @__PURE__ */ new Map() });
        const kind = classIndex(base_rank[p]);
        const kl = kl_ab?.[p] ?? NaN;
        ++row.count;
        ++row.classes[kind];
        if (!Number.isNaN(kl)) {
          row.kl += kl;
          ++row.finite;
        }
        if (kind === 2) row.instead.set(base_argmax[p], (row.instead.get(base_argmax[p]) ?? 0) + 1);
      }
    }
    return [...rows.values()].map((row) => ({
      text: row.text,
      count: row.count,
      marginal: row.classes[1],
      shifted: row.classes[2],
      share: row.classes[2] / row.count,
      kl: row.finite ? row.kl / row.finite : NaN,
      instead: [...row.instead].sort((a, b) => b[1] - a[1]).slice(0, 3).map(([index, times]) => ({ text: run.tokens[index], times }))
    }));
  }
  function answerKey({ id, instruction }) {
    return JSON.stringify([id, instruction]);
  }
  function tagCounts(runs) {
    const counts = /* @__PURE__ */ new Map();
    const seen2 = /* @__PURE__ */ new Set();
    for (const run of runs) {
      for (const answer of run.answers) {
        const key = answerKey(answer);
        if (seen2.has(key)) continue;
        seen2.add(key);
        for (const tag of answer.tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
      }
    }
    return [...counts].sort((a, b) => b[1] - a[1]);
  }

  // report/answer_filter.ts
  function pairAnswers(runs) {
    const items = /* @__PURE__ */ new Map();
    runs.forEach((run, r) => {
      for (const answer of run.answers) {
        const key = answerKey(answer);
        let item = items.get(key);
        if (!item) {
          item = { id: answer.id, instruction: answer.instruction, tags: answer.tags, of: runs.map(() => null) };
          items.set(key, item);
        }
        item.of[r] = answer;
      }
    });
    return [...items.values()];
  }
  function conflictingIds(items) {
    const seen2 = /* @__PURE__ */ new Map();
    for (const item of items) seen2.set(item.id, (seen2.get(item.id) ?? 0) + 1);
    return [...seen2.values()].filter((count) => count > 1).length;
  }
  function valueOf(item, runs, value) {
    let sum = 0;
    let n = 0;
    item.of.forEach((answer, r) => {
      if (!answer?.length) return;
      const x = value(runs[r], answer);
      if (Number.isNaN(x)) return;
      sum += x;
      ++n;
    });
    return n ? sum / n : NaN;
  }
  var shiftedShare = (run, answer) => classCounts(run, answer)[2] / answer.length;
  var kOrders = /* @__PURE__ */ new Map([
    ["most-shifted", { title: "most shifted first", value: shiftedShare, direction: -1 }],
    ["least-shifted", { title: "least shifted first", value: shiftedShare, direction: 1 }],
    ["highest-kl", { title: "highest mean KL first", value: meanKl, direction: -1, needsKl: true }],
    ["lowest-kl", { title: "lowest mean KL first", value: meanKl, direction: 1, needsKl: true }],
    ["longest", { title: "longest first", value: (_run, answer) => answer.length, direction: -1 }]
  ]);
  function orderChoices(hasKl) {
    return [
      ["", "as they were finished"],
      ...[...kOrders].filter(([, order]) => hasKl || !order.needsKl).map(([name, { title }]) => [name, title])
    ];
  }
  function hasShifted(run, answer, text2) {
    for (let p = answer.start; p < answer.start + answer.length; ++p) {
      if (classIndex(run.columns.base_rank[p]) === 2 && run.token(p) === text2) return true;
    }
    return false;
  }
  function selectAnswers(runs, items, wanted) {
    const text2 = wanted.text.toLowerCase();
    const chosen2 = items.filter((item) => {
      if (wanted.id !== null && item.id !== wanted.id) return false;
      if (wanted.tag && !item.tags.includes(wanted.tag)) return false;
      if (wanted.token) {
        const answer = item.of[wanted.token.run.index];
        if (!answer || !hasShifted(wanted.token.run, answer, wanted.token.text)) return false;
      }
      if (!text2 || item.instruction.toLowerCase().includes(text2)) return true;
      return item.of.some((answer, r) => answer && runs[r].lowerText(answer).includes(text2));
    });
    const order = kOrders.get(wanted.order);
    if (!order) return chosen2;
    const values = new Map(chosen2.map((item) => {
      const value = valueOf(item, runs, order.value);
      return [item, Number.isNaN(value) ? Infinity : order.direction * value];
    }));
    return chosen2.sort((a, b) => values.get(a) - values.get(b) || 0);
  }
  function searchHits(run, answer, text2) {
    const hits = /* @__PURE__ */ new Set();
    if (!text2) return hits;
    const wanted = text2.toLowerCase();
    const starts = [];
    let whole = "";
    for (let p = answer.start; p < answer.start + answer.length; ++p) {
      starts.push(whole.length);
      whole += run.token(p).toLowerCase();
    }
    let at2 = 0;
    for (let found = whole.indexOf(wanted); found >= 0; found = whole.indexOf(wanted, found + wanted.length)) {
      while (at2 + 1 < starts.length && starts[at2 + 1] <= found) ++at2;
      for (let i = at2; i < starts.length && starts[i] < found + wanted.length; ++i) hits.add(i);
    }
    return hits;
  }

  // report/kl_curve.ts
  function makeKlCurve(values, name, onChoose) {
    const heightOf = (value) => Number.isFinite(value) ? Math.min(1, value / kMostKl) : 1;
    const steps = values.map((value, i) => `${i ? "L" : "M"}${i},${(1 - heightOf(value)).toFixed(3)}h1`).join("");
    const marker = s("path", { class: "marker", d: "" });
    const picture = s(
      "svg",
      { viewBox: `0 0 ${values.length} 1`, preserveAspectRatio: "none", "aria-hidden": "true" },
      s("path", { class: "area", d: `${steps}L${values.length},1L0,1Z` }),
      s("path", { class: "line", d: steps }),
      marker
    );
    const label = h("small", null);
    const describe = (index) => {
      label.textContent = index === null ? `${name}, 0 to ${kMostKl} nats` : `${name} ${formatNumber(values[index], 2)} nats at token ${index + 1}`;
    };
    describe(null);
    picture.addEventListener("click", (event) => {
      const { left, width } = picture.getBoundingClientRect();
      onChoose(Math.max(0, Math.min(values.length - 1, Math.floor((event.clientX - left) / width * values.length))));
    });
    return {
      element: h("div.kl-curve", null, picture, label),
      mark(index) {
        marker.setAttribute("d", index === null ? "" : `M${index + 0.5},0v1`);
        describe(index);
      }
    };
  }

  // report/share_bar.ts
  function shareBar(shares, small = false) {
    const bar = h(small ? "div.bar.small" : "div.bar", {
      role: "img",
      "aria-label": kClasses.map((name, i) => `${name} ${formatPercent(shares[i] ?? NaN)}`).join(", ")
    });
    kClasses.forEach((name, i) => {
      const part = h(`span.part.${name}`, { title: `${name} ${formatPercent(shares[i] ?? NaN)}` });
      part.style.width = `${100 * (shares[i] || 0)}%`;
      bar.append(part);
    });
    return bar;
  }

  // report/answers.ts
  var kCharactersPerLine = 95;
  var kLineHeight = 29;
  var kCardChrome = 120;
  var kMostColumns = 3;
  var kHints = ["the base model’s first choice", "its second or third choice", "none of its first three choices"];
  function estimateLines(tokens, columns) {
    return Math.ceil(tokens * 4.6 / (kCharactersPerLine / columns));
  }
  function estimateHeight(item, columns) {
    const longest = Math.max(...item.of.map((answer) => answer ? answer.length : 0));
    return kCardChrome + estimateLines(longest, columns) * kLineHeight;
  }
  function stripTokens(run, answer) {
    return Array.from({ length: answer.length }, (_, i) => run.stripToken(answer.start + i));
  }
  var AnswersView = class {
    constructor(runs) {
      this.runs = runs;
      this.items = pairAnswers(runs);
      this.shownRuns = runs.slice(0, kMostColumns);
      this.cards = new CardList({
        name: (item) => `Answer ${item.id}`,
        content: (item, later) => this.cardContent(item, later),
        height: (item) => estimateHeight(item, this.shownRuns.length),
        keep: (card) => card.querySelector(".pin") !== null,
        nothing: "No answer matches. Clear the search or the filters."
      });
      this.search = searchField("Search instructions and answers", (text2) => this.want({ text: text2 }, false));
      const isBounded = runs.some((run) => run.isBounded);
      const tags = tagCounts(runs);
      this.tagPicker = selectOf(
        "Tag",
        [["", "all tags"], ...tags.map(([tag, count]) => [tag, `${tag} (${formatCount(count)})`])],
        (tag) => this.want({ tag })
      );
      this.orderPicker = selectOf("Order", orderChoices(!isBounded), (order) => this.want({ order }));
      this.colourPicker = selectOf("Colour", [
        ["class", "colour: class"],
        ["kl", isBounded ? "colour: KL, or its lower bound" : "colour: KL"],
        ["surprise", "colour: 1 − base probability"]
      ], (colouring) => {
        this.colouring = colouring;
        this.render();
        this.onMoved(true);
      });
      this.runPicker = makeRunPicker({ runs, shown: () => this.shownRuns, onChoose: (shown) => this.showRuns(shown) });
      const conflicts = conflictingIds(this.items);
      this.element = h(
        "div.answers-view",
        null,
        h("h2.visually-hidden", null, "Answers"),
        h(
          "div.toolbar",
          null,
          this.search,
          this.makeLegend(),
          tags.length ? this.tagPicker : null,
          this.orderPicker,
          this.colourPicker,
          this.scale,
          this.runPicker.element,
          this.chips,
          this.status
        ),
        conflicts ? h("p.note.conflicts", null, `${counted(conflicts, "id")} stand${conflicts === 1 ? "s" : ""} for different questions in different runs: such answers are not shown side by side.`) : null,
        printNote(this.cards, "answer"),
        h("div.split", null, this.cards.element, this.inspector.element)
      );
      this.element.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && this.isPinned) this.unpin(true);
      });
    }
    runs;
    title = "Answers";
    element;
    items;
    shownRuns;
    /** The view shows something else; set by who puts the page together. */
    onMoved = () => void 0;
    wanted = { text: "", tag: "", token: null, id: null, order: "" };
    colouring = "class";
    cards;
    shown = /* @__PURE__ */ new Map();
    current = null;
    isPinned = false;
    inspector = makeInspector({ onUnpin: () => this.unpin(true), onStep: (step) => this.stepShifted(step) });
    status = h("span.status", { role: "status" });
    chips = h("span.chips");
    scale = h("span.scale-slot");
    search;
    tagPicker;
    orderPicker;
    colourPicker;
    runPicker;
    /** The legend is the filter: a class that is switched off fades into the text. */
    makeLegend() {
      const totals = [0, 0, 0];
      for (const run of this.runs) for (const answer of run.answers) classCounts(run, answer).forEach((n, i) => {
        totals[i] += n;
      });
      return h("div.legend", { role: "group", "aria-label": "Classes shown" }, kClasses.map((name, i) => {
        const button = h("button.toggle", { type: "button", "aria-pressed": "true", title: `${kHints[i]}; click to fade or show`, onclick: () => {
          const off = this.cards.element.classList.toggle(`without-${name}`);
          button.setAttribute("aria-pressed", String(!off));
        } }, h(`span.sample.t.${name}`, null, name), h("small", null, ` ${formatCount(totals[i])}`));
        return button;
      }));
    }
    // What is shown, and where it stands in the address.
    want(change, step = true) {
      Object.assign(this.wanted, change);
      this.render();
      this.onMoved(step);
    }
    showRuns(shown) {
      this.shownRuns = shown;
      this.render();
      this.onMoved(true);
    }
    filterByToken(run, text2) {
      if (!this.shownRuns.includes(run)) this.shownRuns = [run];
      this.want({ token: { run, text: text2 }, id: null, text: "", tag: "" });
    }
    filterByTag(tag) {
      this.want({ tag, id: null, token: null, text: "" });
    }
    place() {
      const { text: text2, tag, token, id, order } = this.wanted;
      const spot = this.isPinned ? this.current : null;
      return placeOf(spot ? [spot.item.id, spot.index + 1] : id !== null ? [id] : [], {
        q: text2,
        tag,
        order,
        token: token?.text ?? "",
        "token-run": token && this.runs.length > 1 ? String(token.run.index) : "",
        colour: this.colouring === "class" ? "" : this.colouring,
        runs: this.hasDefaultRuns() ? "" : this.shownRuns.map((run) => run.index).join(","),
        run: spot && spot.run !== this.shownRuns[0] ? String(spot.run.index) : "",
        list: spot && id === null ? "1" : ""
      });
    }
    hasDefaultRuns() {
      return this.shownRuns.length === Math.min(kMostColumns, this.runs.length) && this.shownRuns.every((run, i) => run === this.runs[i]);
    }
    open({ parts, filters }) {
      const of = (name) => filters.get(name) ?? "";
      const run = (name) => filters.has(name) ? this.runs[Number(of(name))] : void 0;
      const [id, position] = parts;
      const chosen2 = of("runs").split(",").flatMap((index) => index !== "" && this.runs[Number(index)] ? [this.runs[Number(index)]] : []);
      this.shownRuns = chosen2.length ? this.runs.filter((one) => chosen2.includes(one)) : this.runs.slice(0, kMostColumns);
      this.colouring = ["kl", "surprise"].find((name) => name === of("colour")) ?? "class";
      Object.assign(this.wanted, {
        text: of("q"),
        tag: of("tag"),
        order: of("order"),
        id: id !== void 0 && !of("list") ? id : null,
        token: filters.has("token") ? { run: run("token-run") ?? this.runs[0], text: of("token") } : null
      });
      this.render();
      if (id !== void 0 && position !== void 0) this.pinAt(id, Number(position) - 1, run("run") ?? this.shownRuns[0]);
    }
    pinAt(id, index, run) {
      const card = this.cards.cardOf((item2) => item2.id === id && item2.of[run.index] !== null);
      const item = this.cards.items().find((one) => one.id === id && one.of[run.index] !== null);
      const shown = item && this.shown.get(item)?.get(run);
      if (!item || !card || !shown?.strip.tokenElement(index)) return;
      this.look({ item, run, answer: item.of[run.index], shown, index }, true);
      requestAnimationFrame(() => shown.strip.tokenElement(index)?.scrollIntoView({ block: "center" }));
    }
    render() {
      const { token, id, text: text2, tag, order } = this.wanted;
      this.unpin(false);
      if (this.search.value !== text2) this.search.value = text2;
      this.tagPicker.value = tag;
      this.orderPicker.value = order;
      this.colourPicker.value = this.colouring;
      this.runPicker.update();
      const chip = (label, change) => h("button.chip", { type: "button", title: "Remove this filter", onclick: () => this.want(change) }, `${label} ✕`);
      const where = this.runs.length > 1 && token ? ` in ${token.run.label}` : "";
      fill(
        this.chips,
        id !== null ? chip(`answer #${visibleToken(id)}`, { id: null }) : null,
        token ? chip(`${visibleToken(token.text)} shifted${where}`, { token: null }) : null
      );
      fill(this.scale, colouringScale(this.colouring, this.runs.some((run) => run.isBounded)));
      const chosen2 = selectAnswers(this.runs, this.items, this.wanted);
      this.status.textContent = chosen2.length === this.items.length ? counted(chosen2.length, "answer") : `${formatCount(chosen2.length)} of ${counted(this.items.length, "answer")}`;
      this.shown.clear();
      this.cards.show(chosen2);
    }
    // The cards.
    cardContent(item, later) {
      this.shown.set(item, /* @__PURE__ */ new Map());
      return [
        h(
          "header",
          null,
          h("span.id", null, `#${item.id}`),
          h("p.instruction", { dir: "auto", tabindex: 0, role: "group", "aria-label": "Instruction" }, markedText(item.instruction, this.wanted.text)),
          item.tags.length ? h("span.tag-list", null, item.tags.map((tag) => h("span.tag", null, tag))) : null
        ),
        h("div.columns", null, this.shownRuns.map((run) => this.answerColumn(item, run, later)))
      ];
    }
    answerColumn(item, run, later) {
      const title = this.runs.length > 1 ? h("h3", null, run.label) : null;
      const answer = item.of[run.index];
      if (!answer) return h("div.column", null, title, h("p.note", null, "This run has no such answer."));
      const counts = classCounts(run, answer);
      const shares = counts.map((n) => n / answer.length);
      const { strip, curve } = this.showAnswer(item, run, answer, later);
      return h(
        "div.column",
        null,
        title,
        h(
          "div.meta",
          null,
          shareBar(shares, true),
          h("span", null, `${formatCount(counts[2])} shifted of ${formatCount(answer.length)}` + (run.isBounded ? "" : ` · mean KL ${formatNumber(meanKl(run, answer), 2)}`)),
          saveButtons(
            `answer ${answer.id}`,
            `answer-${answer.id.replace(/[^\w.-]+/g, "_")}`,
            () => answerPicture(item.instruction, run.label, stripTokens(run, answer), shares)
          )
        ),
        answer.length > 1 ? curve.element : null,
        strip.element
      );
    }
    showAnswer(item, run, answer, later) {
      const spotAt = (index) => ({ item, run, answer, shown, index });
      const strip = makeTokenStrip({
        onHover: (index, by) => {
          if (index === null || this.isPinned) return;
          this.look(spotAt(index), false);
          if (by === "keyboard") this.inspector.speak(describePosition(run.position(answer.start + index)));
        },
        onPin: (index) => this.togglePin(spotAt(index)),
        onStep: (index) => {
          if (this.isPinned) this.pin(spotAt(index));
        },
        colouring: this.colouring
      });
      const tokens = stripTokens(run, answer);
      const curve = makeKlCurve(tokens.map(({ kl, bounds }) => kl ?? bounds?.kl ?? NaN), run.isBounded ? "lower bound of the KL" : "KL", (index) => {
        strip.tokenElement(index)?.scrollIntoView({ block: "nearest" });
        this.pin(spotAt(index));
      });
      const shown = { strip, curve };
      strip.element.setAttribute("aria-label", `Answer ${visibleToken(answer.id)}, ${counted(answer.length, "token")}`);
      strip.element.style.minHeight = `${estimateLines(answer.length, this.shownRuns.length) * kLineHeight}px`;
      later(() => {
        strip.setPositions(tokens);
        strip.setHits(this.hitsOf(run, answer));
        strip.element.style.minHeight = "";
      });
      this.shown.get(item).set(run, shown);
      return shown;
    }
    /** Tokens that the search has found, and shifted ones that the filter wants. */
    hitsOf(run, answer) {
      const { token, text: text2 } = this.wanted;
      const hits = searchHits(run, answer, text2);
      for (let i = 0; token?.run === run && i < answer.length; ++i) {
        if (run.token(answer.start + i) === token.text && run.columns.base_rank[answer.start + i] > 3) hits.add(i);
      }
      return hits;
    }
    // What the panel shows: the pinned token, else the one under the pointer or in focus.
    look(spot, pinned) {
      this.unmark();
      this.current = spot;
      this.isPinned = pinned;
      spot.shown.strip.mark("looked", spot.index);
      if (pinned) spot.shown.strip.mark("pin", spot.index);
      for (const [run, { strip, curve }] of this.shown.get(spot.item) ?? []) {
        if (spot.index < strip.length) curve.mark(spot.index);
        if (run !== spot.run) strip.mark("twin", spot.index);
      }
      this.showCurrent();
      const unpacked = this.shownRuns.filter((run) => !run.hasTopLists).map((run) => run.loadTopLists());
      if (unpacked.length) void Promise.all(unpacked).then(() => {
        if (this.current === spot) this.showCurrent();
      });
    }
    showCurrent() {
      if (!this.current) return;
      const { item, run, answer, index } = this.current;
      const others = this.sameContext(item, run, answer, index);
      this.inspector.show(run.position(answer.start + index), {
        pinned: this.isPinned,
        others,
        note: "The lists of candidates are being unpacked …",
        where: `${this.runs.length > 1 ? `${run.label} · ` : ""}token ${index + 1} of ${answer.length}`,
        ...others.length ? { names: { base: run.label, aligned: "aligned" } } : {}
      });
    }
    /** The same position of other runs that are shown, where the answer is the same up to it. */
    sameContext(item, run, answer, index) {
      return this.shownRuns.flatMap((other) => {
        const twin = item.of[other.index];
        if (other === run || !twin || twin.length <= index) return [];
        for (let i = 0; i <= index; ++i) if (other.token(twin.start + i) !== run.token(answer.start + i)) return [];
        return [{ name: other.label, position: other.position(twin.start + index) }];
      });
    }
    togglePin(spot) {
      const isSame = this.isPinned && this.current?.shown === spot.shown && this.current.index === spot.index;
      if (isSame) return this.unpin(true);
      this.pin(spot);
    }
    pin(spot) {
      this.look(spot, true);
      this.onMoved(false);
    }
    unmark() {
      if (!this.current) return;
      for (const { strip, curve } of [this.current.shown, ...this.shown.get(this.current.item)?.values() ?? []]) {
        for (const kind of ["looked", "pin", "twin"]) strip.mark(kind, null);
        curve.mark(null);
      }
    }
    unpin(tell) {
      this.unmark();
      this.current = null;
      this.isPinned = false;
      this.inspector.clear();
      if (tell) this.onMoved(false);
    }
    /** Moves to the next (1) or previous (-1) shifted token of the answer; a pin moves along. */
    stepShifted(step) {
      if (!this.current) return;
      const { shown: { strip }, index } = this.current;
      const next = strip.nextShifted(index, step);
      if (next === null) return;
      const spot = { ...this.current, index: next };
      strip.focus(next);
      if (this.isPinned) this.pin(spot);
    }
  };

  // report/data.ts
  var kUnknownRank = 4294967295;
  var kLogprobStep = 1 / 1024;
  var kAbsent = 65535;
  function cutColumns(buffer, layout) {
    const columns = /* @__PURE__ */ Object.create(null);
    let offset = 0;
    for (const [name, type, length] of layout) {
      const Type = { u32: Uint32Array, f32: Float32Array, u16: Uint16Array }[type];
      columns[name] = new Type(buffer, offset, length);
      offset += length * Type.BYTES_PER_ELEMENT;
    }
    return columns;
  }
  var Run = class {
    constructor(index, header, texts, columns, lengths) {
      this.index = index;
      this.header = header;
      this.columns = columns;
      this.label = header.label;
      this.tokens = texts.tokens;
      this.tokenIds = texts.token_ids;
      let start = 0;
      this.answers = texts.answers.map((answer, i) => {
        const length = lengths[i];
        start += length;
        return { ...answer, start: start - length, length };
      });
      this.positions = start;
      this.isBounded = !columns.kl_ab;
    }
    index;
    header;
    columns;
    label;
    tokens;
    tokenIds;
    answers;
    positions;
    /** Only bounds of the divergences are known: a model was on a server. */
    isBounded;
    topLists = null;
    loading = null;
    lowerTexts = /* @__PURE__ */ new Map();
    token(position) {
      return this.tokens[this.columns.token[position]];
    }
    answerText(answer) {
      const parts = [];
      for (let p = answer.start; p < answer.start + answer.length; ++p) parts.push(this.token(p));
      return parts.join("");
    }
    /** The answer in lower case, for searching; made once. */
    lowerText(answer) {
      let text2 = this.lowerTexts.get(answer);
      if (text2 === void 0) this.lowerTexts.set(answer, text2 = this.answerText(answer).toLowerCase());
      return text2;
    }
    get hasTopLists() {
      return this.topLists !== null;
    }
    /** Unpacks the top lists, the largest block and the last of the file: later than all else, and once. */
    loadTopLists() {
      this.loading ??= fileIsRead().then(() => readBlock(`run-${this.index}-top`)).then((buffer) => {
        this.topLists = cutColumns(buffer, this.header.top_layout);
      });
      return this.loading;
    }
    top(side, position) {
      if (!this.topLists) return null;
      const k = this.header.top_k;
      const list = [];
      for (let i = position * k; i < (position + 1) * k; ++i) {
        const packed = this.topLists[`${side}_top_logp`][i];
        if (packed === kAbsent) break;
        const token = this.topLists[`${side}_top`][i];
        list.push({ token: this.tokenIds[token], text: this.tokens[token], logp: -packed * kLogprobStep });
      }
      return list;
    }
    rank(side, position) {
      const rank = this.columns[`${side}_rank`][position];
      return rank === kUnknownRank ? null : rank;
    }
    side(side, position) {
      return {
        rank: this.rank(side, position),
        logp: this.columns[`${side}_logp`][position],
        entropy: this.columns[`${side}_entropy`]?.[position] ?? null,
        top: this.top(side, position)
      };
    }
    /** All that is known of a position; without lists until they are unpacked. */
    position(position) {
      const c = this.columns;
      const of = (measure) => c[measure]?.[position] ?? null;
      const bound = of("kl_ab_lower_bound");
      return {
        token: this.tokenIds[c.token[position]],
        text: this.token(position),
        base: this.side("base", position),
        aligned: this.side("aligned", position),
        kl: of("kl_ab"),
        klReverse: of("kl_ba"),
        js: of("js"),
        tv: of("tv"),
        bounds: bound === null ? null : { kl: bound, tvLow: of("tv_lower_bound"), tvHigh: of("tv_upper_bound") }
      };
    }
    /** The same without lists and second thoughts: what a strip of tokens needs. */
    stripToken(position) {
      const c = this.columns;
      const bound = c.kl_ab_lower_bound?.[position];
      return {
        text: this.token(position),
        kl: c.kl_ab?.[position] ?? null,
        bounds: bound === void 0 ? null : { kl: bound, tvLow: 0, tvHigh: 1 },
        base: { rank: this.rank("base", position), logp: c.base_logp[position] }
      };
    }
  };
  async function loadRun(index, header) {
    const [texts, buffer] = await Promise.all([parseBlock(`run-${index}-texts`), readBlock(`run-${index}-columns`)]);
    const { lengths, ...columns } = cutColumns(buffer, header.column_layout);
    return new Run(index, header, texts, columns, lengths);
  }

  // page/plot.ts
  var kFontSize = 12.5;
  var kCharacterWidth = 0.56 * kFontSize;
  function textWidth(content) {
    return content.length * kCharacterWidth;
  }
  function shortened(content, width) {
    const most = Math.max(3, Math.floor(width / kCharacterWidth));
    return content.length <= most ? content : `${content.slice(0, most - 1)}…`;
  }
  function niceTicks(most, count = 4) {
    if (!(most > 0)) return [0, 1];
    const raw = most / count;
    const magnitude = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((factor) => factor * magnitude).find((candidate) => candidate >= raw);
    return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, i) => Number((i * step).toPrecision(12)));
  }
  function spreadApart(wanted, gap, [low, high]) {
    const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
    const placed = [...wanted];
    order.forEach((i, rank) => {
      placed[i] = Math.max(placed[i], rank ? placed[order[rank - 1]] + gap : low);
    });
    for (let rank = order.length - 1, limit = high; rank >= 0; --rank, limit -= gap) placed[order[rank]] = Math.min(placed[order[rank]], limit);
    return placed;
  }
  function legendRows(entries, x, y, width, sample) {
    let [left, top] = [x, y];
    const parts = entries.map((entry) => {
      const label = shortened(entry.label, Math.min(230, width - 40));
      const needed = 36 + textWidth(label) + 16;
      if (left > x && left + needed > x + width) [left, top] = [x, top + 20];
      const part = [sample(entry, left, top), text(left + 36, top + 4, "start", label)];
      left += needed;
      return part;
    });
    return { element: s("g", null, parts), height: top - y + 20 };
  }
  function lineSample({ index, fill: fill2, dash }, x, y) {
    return [line(x, y, x + 28, y, fill2, 2, dash), mark(x + 14, y, index, fill2)];
  }
  var kPatterns = [
    () => null,
    (ink) => s("path", { d: "M-2,2l4,-4M0,8l8,-8M6,10l4,-4", stroke: ink, "stroke-width": 2.4 }),
    (ink) => s("circle", { cx: 4, cy: 4, r: 1.9, fill: ink }),
    (ink) => s("path", { d: "M0,4h8", stroke: ink, "stroke-width": 2.6 }),
    (ink) => s("path", { d: "M-2,6l4,4M0,0l8,8M6,-2l4,4", stroke: ink, "stroke-width": 2.4 }),
    (ink) => s("path", { d: "M0,4h8M4,0v8", stroke: ink, "stroke-width": 1.8 })
  ];
  var patterns = 0;
  function patternFill(index, fill2) {
    const drawn3 = kPatterns[cueOf(index)](colour("surface"));
    if (!drawn3) return { definition: null, value: fill2 };
    const id = `pattern-${++patterns}`;
    return {
      definition: s("pattern", { id, width: 8, height: 8, patternUnits: "userSpaceOnUse" }, s("rect", { width: 8, height: 8, fill: fill2 }), drawn3),
      value: `url(#${id})`
    };
  }

  // report/charts.ts
  var kPlotHeight = 190;
  var kLeft = 46;
  var kTop = 12;
  var kBelow = 40;
  var decimals = (digits) => (value) => value.toFixed(digits);
  var wholePercent = (value) => `${Math.round(100 * value)} %`;
  var kKlCurve = { metric: "kl", title: "Distance from the base model", axis: "mean KL without ends, nats", format: decimals(2) };
  var kKlBoundCurve = {
    metric: "klBound",
    title: "Least distance from the base model",
    axis: "lower bound of the mean KL without ends, nats",
    format: decimals(2)
  };
  var kCurves = [
    { metric: "rank", title: "Base rank of the aligned token", axis: `mean base rank (≤ ${kRankCap})`, format: decimals(0) },
    { metric: "probability", title: "What the base model gives it", axis: "mean base probability", format: wholePercent }
  ];
  var kKlBars = { metric: "kl", title: "KL of one position", axis: "KL(aligned ‖ base), nats", format: wholePercent };
  var kKlBoundBars = {
    metric: "klBound",
    title: "Lower bound of the KL of one position",
    axis: "lower bound of KL(aligned ‖ base), nats",
    format: wholePercent
  };
  var kRankBars = { metric: "rank", title: "Base ranks", axis: "base rank of the token", format: wholePercent };
  var kProbabilityBars = { metric: "probability", title: "Base probabilities", axis: "base probability of the token", format: wholePercent };
  function entryOf(run) {
    return { label: run.label, index: run.index, fill: runColour(currentTheme(), run.index), dash: runDash(run.index).join(" ") };
  }
  function gridOf(ticks, y, right, { axis, format }) {
    return [text(0, kTop, "start", axis, colour("muted")), ticks.map((tick) => [
      line(kLeft, y(tick), right, y(tick), colour("line")),
      text(kLeft - 7, y(tick) + 4, "end", format(tick), colour("muted"))
    ])];
  }
  function curvesOf(runs, subsets, metric) {
    return runs.map((run, i) => ({ ...entryOf(run), points: positionCurve(run, subsets[i], metric) })).filter(({ points }) => points.length);
  }
  function tipOf({ label }, { first, last, mean, low, high, answers }) {
    return `${label} · position ${first === last ? first : `${first}–${last}`}
mean ${mean.toFixed(3)} (95 %: ${low.toFixed(3)} to ${high.toFixed(3)})
${formatCount(answers)} answers`;
  }
  function positionTicks(longest, logarithmic) {
    if (logarithmic) return [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3].filter((tick) => tick <= longest);
    return niceTicks(longest, 5).filter((tick) => tick > 0 && tick <= longest);
  }
  function drawCurves(curves, kind, logarithmic, width) {
    const several = curves.length > 1;
    const room = Math.max(...curves.map(({ label }) => textWidth(label))) + 28;
    const isDirect = several && room <= width * 0.27;
    const right = width - (isDirect ? room : 12);
    const key = several && !isDirect ? legendRows(curves, kLeft, kTop + 26, right - kLeft, lineSample) : null;
    const top = kTop + 22 + (key?.height ?? 0);
    const bottom = top + kPlotHeight;
    const longest = Math.max(2, ...curves.flatMap(({ points }) => points.map(({ position }) => position)));
    const ticks = niceTicks(Math.max(...curves.flatMap(({ points }) => points.map(({ high }) => high)), 0));
    const scale = logarithmic ? Math.log : (value) => value - 1;
    const x = (position) => kLeft + (right - kLeft) * scale(position) / scale(longest);
    const y = (value) => bottom - (bottom - top) * value / ticks[ticks.length - 1];
    const path = (places) => places.map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)},${py.toFixed(1)}`).join("");
    const bands = curves.map(({ points, fill: fill2 }) => s("path", {
      fill: fill2,
      "fill-opacity": 0.16,
      d: `${path(points.map((point) => [x(point.position), y(point.low)]))}L${path([...points].reverse().map((point) => [x(point.position), y(point.high)])).slice(1)}Z`
    }));
    const lines = curves.map(({ points, fill: fill2, dash }) => s("path", {
      d: path(points.map((point) => [x(point.position), y(point.mean)])),
      fill: "none",
      stroke: fill2,
      "stroke-width": 2.25,
      "stroke-dasharray": dash,
      "stroke-linejoin": "round"
    }));
    const hovers = curves.map((curve) => curve.points.map((point) => withTip(s("circle", { cx: x(point.position), cy: y(point.mean), r: 8, fill: "transparent" }), tipOf(curve, point))));
    const ends = curves.map(({ points }) => points[points.length - 1]);
    const heights = spreadApart(ends.map(({ mean }) => y(mean)), 15, [top, bottom]);
    const labels = isDirect ? curves.map(({ label, index, fill: fill2 }, i) => [
      line(x(ends[i].position) + 4, y(ends[i].mean), right + 8, heights[i], fill2, 0.7),
      mark(right + 13, heights[i], index, fill2, 4),
      text(right + 21, heights[i] + 4, "start", label)
    ]) : null;
    const positions = positionTicks(longest, logarithmic).map((tick) => text(x(tick), bottom + 17, "middle", tick, colour("muted")));
    const description = `${kind.axis} by position in the answer. ${curves.map(({ label, points }) => `${label}: ${kind.format(points[0].mean)} at the start, ${kind.format(points[points.length - 1].mean)} at position ${points[points.length - 1].last}`).join("; ")}`;
    return chart(
      width,
      bottom + kBelow,
      description,
      gridOf(ticks, y, right, kind),
      key?.element,
      bands,
      lines,
      labels,
      positions,
      text((kLeft + right) / 2, bottom + 35, "middle", "position in the answer", colour("muted")),
      hovers
    );
  }
  var kRankClasses = ["unshifted", "marginal", "marginal", "shifted", "shifted", "shifted", "shifted"];
  function barFills(series, metric) {
    if (series.length === 1 && metric === "rank") {
      return [kRankClasses.map((name) => name === "marginal" ? patternFill(1, colour(name)) : patternFill(0, colour(name)))];
    }
    return series.map(({ index, fill: fill2, bins }) => {
      const pattern = patternFill(index, fill2);
      return bins.map((_, i) => i ? { definition: null, value: pattern.value } : pattern);
    });
  }
  function drawBars(series, kind, width) {
    const several = series.length > 1;
    const right = width - 8;
    const fills = barFills(series, kind.metric);
    const key = several ? legendRows(series, kLeft, kTop + 26, right - kLeft, ({ index }, x, y2) => s("rect", { x: x + 8, y: y2 - 7, width: 20, height: 13, rx: 2, fill: fills[series.findIndex((one) => one.index === index)][0].value })) : null;
    const top = kTop + 22 + (key?.height ?? 0);
    const bottom = top + kPlotHeight;
    const ticks = niceTicks(Math.max(...series.flatMap(({ bins: bins2 }) => bins2.map(({ share }) => share))));
    const y = (share) => bottom - (bottom - top) * share / ticks[ticks.length - 1];
    const bins = series[0]?.bins ?? [];
    const group = (right - kLeft) / Math.max(1, bins.length);
    const bar = Math.min(44, group * 0.84 / series.length);
    const everyOther = bins.some(({ label }) => textWidth(label) > group - 2) ? 2 : 1;
    const edges = kind.metric === "rank" ? null : kEdges[kind.metric === "probability" ? "probability" : "kl"];
    const labels = edges?.map((edge, i) => [
      line(kLeft + group * i, bottom, kLeft + group * i, bottom + 4, colour("muted")),
      text(kLeft + group * i, bottom + 17, "middle", edge, colour("muted"))
    ]) ?? bins.map(({ label }, i) => i % everyOther ? null : text(kLeft + group * (i + 0.5), bottom + 17, "middle", label, colour("muted")));
    const bars = bins.map((bin, b) => {
      const middle = kLeft + group * (b + 0.5);
      return series.map(({ label, bins: own }, i) => {
        const { share, count } = own[b];
        const left = middle + (i - series.length / 2) * bar;
        return withTip(
          s(
            "g",
            null,
            s("rect", { x: left, y: top, width: bar, height: bottom - top, fill: "transparent" }),
            s("rect", { x: left + 0.5, y: y(share), width: Math.max(1, bar - 1), height: bottom - y(share), rx: 1.5, fill: fills[i][b].value }),
            several || bar < 30 ? null : text(middle, y(share) - 5, "middle", wholePercent(share), colour("muted"))
          ),
          `${label}
${kind.axis}: ${bin.label}
${formatPercent(share, 2)} of positions (${formatCount(count)})`
        );
      });
    });
    const description = `Share of positions by ${kind.axis}. ${series.map(({ label, bins: own }) => `${label}: ${own.map((bin) => `${bin.label}: ${formatPercent(bin.share)}`).join(", ")}`).join("; ")}`;
    return chart(
      width,
      bottom + kBelow,
      description,
      s("defs", null, fills.flat().map(({ definition }) => definition)),
      gridOf(ticks, y, right, { axis: "share of positions", format: kind.format }),
      key?.element,
      bars,
      labels,
      text((kLeft + right) / 2, bottom + 35, "middle", kind.axis, colour("muted"))
    );
  }
  function makeCharts(runs) {
    const bounded = runs.filter((run) => run.isBounded).length;
    const divergences = (exact, bound) => [...bounded < runs.length ? [exact] : [], ...bounded ? [bound] : []];
    let isLogarithmic = true;
    const curves = [...divergences(kKlCurve, kKlBoundCurve), ...kCurves].map((kind) => {
      let counted2 = null;
      return chartCard(kind.title, `curve-${kind.metric}`, (width) => {
        counted2 ??= curvesOf(runs, runs.map((run) => run.answers), kind.metric);
        return drawCurves(counted2.map((curve) => ({ ...curve, ...entryOf(runs[curve.index]) })), kind, isLogarithmic, width);
      });
    });
    const bars = [kRankBars, ...divergences(kKlBars, kKlBoundBars), kProbabilityBars].map((kind) => {
      let counted2 = null;
      return chartCard(kind.title, `histogram-${kind.metric}`, (width) => {
        counted2 ??= runs.map((run) => ({ run, bins: histogram(run, run.answers, kind.metric) })).filter(({ bins }) => bins.length);
        return drawBars(counted2.map(({ run, bins }) => ({ ...entryOf(run), bins })), kind, width);
      });
    });
    return {
      curves: curves.map(({ card }) => card),
      histograms: bars.map(({ card }) => card),
      draw(logarithmic) {
        isLogarithmic = logarithmic;
        for (const { draw } of [...curves, ...bars]) draw();
      }
    };
  }

  // report/published.ts
  var kPaper = "Lin et al., arXiv 2312.01552, Figure 3";
  var kPublished = [
    { base: "Llama-2-7b", aligned: "Llama-2-7b-chat", shares: [0.777, 0.145, 0.078] },
    { base: "Llama-2-7b", aligned: "Vicuna-7b-v1.5", shares: [0.824, 0.128, 0.048] },
    { base: "Mistral-7B", aligned: "Mistral-7B-Instruct", shares: [0.822, 0.125, 0.052] }
  ];

  // report/run_names.ts
  function at(value, path) {
    let found = value;
    for (const name of path) {
      if (typeof found !== "object" || found === null || !Object.hasOwn(found, name)) return void 0;
      found = found[name];
    }
    return found;
  }
  function textAt(value, path) {
    const found = at(value, path);
    return typeof found === "string" || typeof found === "number" ? String(found) : "";
  }
  function adaptersOf(side) {
    const list = at(side, ["adapters"]);
    if (!Array.isArray(list) || !list.length) return "none";
    return list.map((adapter) => `${textAt(adapter, ["file"]).split("/").pop() ?? ""} ${textAt(adapter, ["scale"])}`.trim()).join(" + ");
  }
  function namesOf(sides, kind) {
    const names = sides.map((side) => textAt(side, [kind, "name"]) || textAt(side, [kind, "kind"]));
    const hashes = sides.map((side) => textAt(side, [kind, "sha256"]));
    return names.map((name, i) => names.some((other, j) => other === name && hashes[i] !== hashes[j]) ? `${name} ${hashes[i].slice(0, 8)}`.trim() : name);
  }
  var kOther = ["top_k", "flash_attention", "max_tokens", "mode", "sampling"];
  function runDifferences(runs) {
    const identities = runs.map((run) => at(run.header.manifest, ["identity"]));
    const candidates = ["base", "aligned"].flatMap((name) => {
      const sides = identities.map((identity) => at(identity, [name]));
      return [
        { what: `${name} model`, values: namesOf(sides, "model") },
        { what: `${name} weights`, values: sides.map((side) => textAt(side, ["model", "weight_type"])) },
        { what: `${name} adapters`, values: sides.map(adaptersOf) },
        { what: `${name} prompt`, values: namesOf(sides, "prompt") }
      ];
    });
    for (const what of kOther) candidates.push({ what: what.replaceAll("_", " "), values: identities.map((identity) => JSON.stringify(at(identity, [what])) ?? "") });
    return candidates.filter(({ values }) => new Set(values).size > 1);
  }

  // report/overview.ts
  var kFirstTags = 24;
  function shareCell(share) {
    return h(
      "td.number",
      null,
      h("b", null, formatPercent(share.value)),
      h(
        "small",
        { title: "95 % bootstrap interval over answers" },
        `${(100 * share.low).toFixed(1)}–${(100 * share.high).toFixed(1)}`
      )
    );
  }
  function runNote(run, i, runs, differences) {
    const samePair = new Set(runs.map(({ header }) => header.pair)).size === 1;
    const sameWeights = new Set(runs.map(({ header }) => header.weights)).size === 1;
    const several = runs.length > 1;
    return [
      several && samePair ? null : h("small", null, run.header.pair),
      !run.header.weights || several && sameWeights ? null : h("small", null, `weights: ${run.header.weights}`),
      several ? differences.map(({ what, values }) => h("small", null, `${what}: ${values[i] || "none"}`)) : null
    ];
  }
  function headline(runs, differences) {
    if (runs.length < 2) return null;
    const pairs = new Set(runs.map(({ header }) => header.pair));
    const weights = new Set(runs.map(({ header }) => header.weights).filter(Boolean));
    return h(
      "div.differing",
      null,
      differences.length ? differences.map(({ what, values }) => h(
        "p.difference",
        null,
        h("span", null, `${what}: `),
        values.map((value, i) => [i ? h("span", null, " / ") : null, h("b", null, value || "none")])
      )) : h("p.difference", null, "Their manifests name no difference."),
      pairs.size === 1 ? h("p.note", null, `The same for all runs: ${[...pairs].join("")}${weights.size === 1 ? `, weights ${[...weights].join("")}` : ""}.`) : null
    );
  }
  function signed(value, digits, factor = 1) {
    return `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(factor * value).toFixed(digits)}`;
  }
  function pairedRow(runs) {
    if (runs.length !== 2) return null;
    const [before, after] = runs;
    const answers = new Map(before.answers.map((answer) => [answerKey(answer), answer]));
    const pairs = after.answers.flatMap((answer) => {
      const other = answers.get(answerKey(answer));
      return other && other.length && answer.length ? [[other, answer]] : [];
    });
    if (!pairs.length) return null;
    const difference = pairedDifference(before, after, pairs);
    const cells = difference.shares.map((share) => h(
      "td.number",
      null,
      h("b", null, signed(share.value, 1, 100)),
      h("small", { title: "95 % bootstrap interval over the answers that both runs have" }, `${signed(share.low, 1, 100)} to ${signed(share.high, 1, 100)}`)
    ));
    return { difference, row: h(
      "tr.paired",
      null,
      h("th", { scope: "row" }, `${after.label} minus ${before.label}`, h("small", null, `paired, ${counted(pairs.length, "answer")}, percentage points`)),
      h("td"),
      cells
    ) };
  }
  function shareTable(runs, summaries, differences, paired) {
    const own = runs.map((run, i) => h(
      "tr.own",
      null,
      h("th", { scope: "row" }, run.label, runNote(run, i, runs, differences), h("small", null, counted(summaries[i].answers, "answer"))),
      h("td.bar-cell", null, shareBar(summaries[i].shares.map((share) => share.value))),
      summaries[i].shares.map(shareCell)
    ));
    const paper = kPublished.map((pair) => h(
      "tr.paper",
      null,
      h("th", { scope: "row" }, `${pair.base} → ${pair.aligned}`),
      h("td.bar-cell", null, shareBar(pair.shares)),
      pair.shares.map((share) => h("td.number", null, formatPercent(share)))
    ));
    return h("div.scroll", { tabindex: 0, role: "region", "aria-label": "Shares of the classes" }, h(
      "table.shares",
      null,
      h("thead", null, h(
        "tr",
        null,
        h("th", { scope: "col" }, runs.length > 1 ? "Run" : "Pair"),
        h("td"),
        kClasses.map((name) => h("th.number", { scope: "col" }, h(`span.key.${name}`, null, name)))
      )),
      h("tbody", null, own, paired),
      h("tbody.paper", null, h("tr", null, h("th.source", { colspan: 5, scope: "rowgroup" }, `Published: ${kPaper}`)), paper)
    ));
  }
  function ratio(value, unit = "nats") {
    if (!value || Number.isNaN(value.value)) return "–";
    return [h("b", null, formatNumber(value.value)), h("small", null, `${formatNumber(value.low)}–${formatNumber(value.high)} ${unit}`)];
  }
  var kKlTitle = "Over the whole vocabulary, mean over positions, with its 95 % bootstrap interval over answers";
  var kEndsTitle = "without the tokens that end answers, which the base model finds all but impossible";
  function figuresOf(summaries) {
    const hasKl = summaries.some(({ bounds }) => !bounds);
    const hasBounds = summaries.some(({ bounds }) => bounds);
    return [
      { name: "tokens analysed", title: "Positions of all answers together", of: ({ positions }) => h("b", null, formatCount(positions)) },
      ...hasKl ? [
        {
          name: "mean KL(aligned ‖ base)",
          title: kKlTitle,
          of: ({ kl, bounds }) => bounds ? "–" : ratio(kl),
          paired: ({ kl }) => kl ? [h("b", null, signed(kl.value, 3)), h("small", null, `${signed(kl.low, 3)} to ${signed(kl.high, 3)} nats`)] : "–"
        },
        { name: "mean KL without answer ends", title: `The same ${kEndsTitle}`, of: ({ klWithoutEnds, bounds }) => bounds ? "–" : ratio(klWithoutEnds) }
      ] : [],
      ...hasBounds ? [
        {
          name: "lower bound of the mean KL",
          title: "The mean KL(aligned ‖ base) is at least this. From the lists of the most likely tokens and the tails beyond them",
          of: ({ bounds }) => bounds ? ratio(bounds.kl) : "–"
        },
        { name: "the same without answer ends", title: `The bound ${kEndsTitle}`, of: ({ bounds }) => bounds ? ratio(bounds.klWithoutEnds) : "–" },
        {
          name: "total variation",
          title: "The mean total variation distance lies between these",
          of: ({ bounds }) => bounds ? h("b", null, `${formatNumber(bounds.tvLower.value)} to ${formatNumber(bounds.tvUpper.value)}`) : "–"
        }
      ] : [],
      { name: "self-agreement", title: "Positions where the token is the aligned model’s own first choice. A low value means that another model, template or sampling wrote the answers", of: ({ selfAgreement }) => h("b", null, formatPercent(selfAgreement)) },
      {
        name: "near-ties",
        title: `Positions where the first two candidates of a model lie within ${kNearTie} nats: rounding can turn them around`,
        of: ({ nearTies }) => [h("b", null, formatPercent(nearTies.base)), h("small", null, "base"), h("b", null, formatPercent(nearTies.aligned)), h("small", null, "aligned")]
      }
    ];
  }
  function keyFigures(runs, summaries, paired) {
    const figures = figuresOf(summaries);
    const several = runs.length > 1;
    const rows = summaries.map((summary, i) => h("tr", null, several ? h("th", { scope: "row" }, runs[i].label) : null, figures.map(({ of }) => h("td", null, of(summary)))));
    return h("div.scroll", { tabindex: 0, role: "region", "aria-label": "Key figures" }, h(
      "table.figures",
      null,
      h("thead", null, h("tr", null, several ? h("th", { scope: "col" }, "Run") : null, figures.map(({ name, title }) => h("th", { scope: "col", title }, name)))),
      h("tbody", null, rows, paired ? h(
        "tr.paired",
        null,
        h("th", { scope: "row" }, `${runs[1].label} minus ${runs[0].label}`),
        figures.map((figure) => h("td", null, figure.paired?.(paired.difference) ?? ""))
      ) : null)
    ));
  }
  function endsNote(summaries) {
    const ends = summaries.reduce((sum, summary) => sum + summary.ends, 0);
    if (!ends) return null;
    return h("p.note", null, `The KL curve leaves out the tokens that end answers (${counted(ends, "position")}): they can stand anywhere and would hide how the KL fades. Ranks and probabilities are over all positions.`);
  }
  function warnings(runs, summaries) {
    const labels = /* @__PURE__ */ new Map();
    runs.forEach((run, i) => {
      const own = [...run.header.warnings];
      if (summaries[i].selfAgreement < 0.9) {
        own.push(`Only ${formatPercent(summaries[i].selfAgreement)} of the tokens are the aligned model’s own first choice: were the answers sampled, written by another model, or made under another template?`);
      }
      if (summaries[i].infiniteKl) {
        own.push(`The KL is infinite at ${formatCount(summaries[i].infiniteKl)} positions; means leave them out.`);
      }
      for (const text2 of own) labels.set(text2, [...labels.get(text2) ?? [], run.label]);
    });
    if (!labels.size) return null;
    return h("ul.warnings", { "aria-label": "Warnings" }, [...labels].map(([text2, about]) => h("li", null, about.length < runs.length ? `${about.join(", ")}: ${text2}` : text2)));
  }
  function tagRow(runs, tag, answers, onTag) {
    return h(
      "tr",
      null,
      h("th", { scope: "row" }, h("button.link", { type: "button", onclick: () => onTag(tag) }, tag)),
      h("td.number", null, formatCount(answers)),
      runs.map((run) => {
        const totals = [0, 0, 0];
        for (const answer of run.answers) {
          if (answer.tags.includes(tag)) classCounts(run, answer).forEach((count, i) => {
            totals[i] += count;
          });
        }
        const all = totals[0] + totals[1] + totals[2];
        return [
          h("td.bar-cell", null, shareBar(totals.map((count) => count / all))),
          h("td.number", null, formatPercent(totals[2] / all))
        ];
      })
    );
  }
  function tagTable(runs, onTag) {
    const tags = tagCounts(runs);
    if (!tags.length) return null;
    const rowsOf2 = (some) => some.map(([tag, answers]) => tagRow(runs, tag, answers, onTag));
    const body = h("tbody", null, rowsOf2(tags.slice(0, kFirstTags)));
    const rest = tags.slice(kFirstTags);
    const more = rest.length ? h("button.more", { type: "button", onclick: () => {
      body.append(...rowsOf2(rest));
      more?.remove();
    } }, `Show the other ${formatCount(rest.length)} of ${formatCount(tags.length)} tags`) : null;
    return h(
      "section",
      null,
      h("h2", null, "By task and topic"),
      h("div.card", null, h("div.scroll", { tabindex: 0, role: "region", "aria-label": "Table of tags" }, h(
        "table.tags",
        null,
        h("thead", null, h(
          "tr",
          null,
          h("th", { scope: "col" }, "tag"),
          h("th.number", { scope: "col" }, "answers"),
          runs.map((run) => [
            h("th", { scope: "col" }, runs.length > 1 ? run.label : "classes"),
            h("th.number", { scope: "col" }, "shifted")
          ])
        )),
        body
      )), more)
    );
  }
  function provenance(runs) {
    return h(
      "section.provenance",
      null,
      h("h2", null, "How this was made"),
      runs.map((run) => h(
        "details.card",
        null,
        h("summary", null, `${run.label}: models, prompts and options`),
        h("pre", { tabindex: 0 }, JSON.stringify(run.header.manifest, null, 2))
      )),
      h("details.card", null, h("summary", null, "What the words mean"), h(
        "dl.glossary",
        null,
        h("dt", null, "unshifted, marginal, shifted"),
        h("dd", null, "The token of the answer is the base model’s first choice (rank 1), its second or third, or none of these."),
        h("dt", null, "KL(aligned ‖ base)"),
        h("dd", null, "How much the two distributions differ at a position, in nats, over the whole vocabulary."),
        h("dt", null, "lower bound of the KL, bounds of the total variation"),
        h("dd", null, "Of a model on a server only the most likely tokens are known. A bound is no estimate: the value itself may lie far from it."),
        h("dt", null, "intervals and bands"),
        h(
          "dd",
          null,
          "Shares and mean KL: 95 % percentile bootstrap over answers, 2,000 resamples, a fixed seed. Curves: ",
          "95 % interval of the mean over answers, normal approximation; later positions are taken together in groups."
        ),
        h("dt", null, "published figures"),
        h(
          "dd",
          null,
          "Three pairs of 7B models on 1,000 instructions. There the class is that of the aligned model’s first ",
          "choice under half-precision weights; self-agreement above says how far that differs from the answer’s token here."
        ),
        h("dt", null, "run minus run"),
        h("dd", null, "Over the answers that both runs have, drawn together: 95 % percentile bootstrap, 2,000 resamples. It states a size, not a decision.")
      ))
    );
  }
  function makeOverview(runs, { onTag }) {
    const summaries = runs.map((run) => summarize(run, run.answers));
    const charts = makeCharts(runs);
    const differences = runDifferences(runs);
    const paired = pairedRow(runs);
    let logarithmic = true;
    const scale = h("button.quiet", { type: "button", "aria-pressed": "true", onclick: () => {
      logarithmic = !logarithmic;
      scale.setAttribute("aria-pressed", String(logarithmic));
      charts.draw(logarithmic);
    } }, "log positions");
    const element = h(
      "div.overview",
      null,
      warnings(runs, summaries),
      h(
        "section",
        null,
        h("h2", null, "How much did alignment change?"),
        headline(runs, differences),
        h("div.card.headline", null, shareTable(runs, summaries, differences, paired?.row), keyFigures(runs, summaries, paired))
      ),
      h("section", null, h("div.heading", null, h("h2", null, "Does the shift fade along the answer?"), scale), h("div.charts", null, charts.curves), endsNote(summaries)),
      h("section", null, h("h2", null, "How is it spread?"), h("div.charts", null, charts.histograms)),
      tagTable(runs, onTag),
      provenance(runs)
    );
    return { title: "Overview", element, draw: () => charts.draw(logarithmic) };
  }

  // report/tokens_table.ts
  var kPage = 100;
  var kFewest = [1, 2, 5, 10, 50, 0];
  var byNumber = (key) => (a, b) => (Number.isNaN(a[key]) ? -1 : a[key]) - (Number.isNaN(b[key]) ? -1 : b[key]);
  var kColumns = [
    { key: "text", label: "token", compare: (a, b) => a.text.localeCompare(b.text), isText: true },
    { key: "shifted", label: "shifted", title: "times it was shifted (base rank beyond 3)", compare: byNumber("shifted") },
    { key: "marginal", label: "marginal", title: "times it was marginal (base rank 2 or 3)", compare: byNumber("marginal") },
    { key: "count", label: "all", title: "times it occurs", compare: byNumber("count") },
    { key: "share", label: "shifted share", title: "how much of its occurrences are shifted", compare: byNumber("share") },
    { key: "kl", label: "mean KL", title: "mean KL(aligned ‖ base) where it occurs, nats", compare: byNumber("kl") },
    { key: "instead", label: "the base model would rather say", compare: null, isText: true }
  ];
  var kDefault = kColumns[1];
  function sorted(rows, { column, descending, text: text2, fewest }) {
    const wanted = text2.toLowerCase();
    const order = column.compare ?? (() => 0);
    return rows.filter((row) => row.shifted >= fewest && row.text.toLowerCase().includes(wanted)).sort((a, b) => (descending ? order(b, a) : order(a, b)) || b.shifted - a.shifted || b.count - a.count);
  }
  function makeTokensView(runs, { onToken, onMoved }) {
    const tables = /* @__PURE__ */ new Map();
    const state = { run: runs[0], column: kDefault, descending: true, text: "", fewest: 1, shown: kPage };
    const body = h("tbody");
    const status = h("span.status", { role: "status" });
    const change = (changed) => {
      Object.assign(state, changed);
      render();
      onMoved();
    };
    const more = h("button.more", { type: "button", onclick: () => {
      state.shown += kPage;
      render();
    } }, "Show more");
    const search = h("input", {
      type: "search",
      placeholder: "Find a token",
      "aria-label": "Find a token",
      oninput: () => change({ text: search.value, shown: kPage })
    });
    const fewest = selectOf("Shifted at least so many times", kFewest.map((n) => [String(n), String(n)]), (n) => change({ fewest: Number(n) }));
    const headers = kColumns.map((column) => h(
      column.isText ? "th" : "th.number",
      { scope: "col" },
      !column.compare ? column.label : h("button.sort", { type: "button", title: column.title, onclick: () => change({
        descending: state.column === column ? !state.descending : !column.isText,
        column
      }) }, column.label)
    ));
    function row(data) {
      const share = h("span.fill");
      share.style.width = `${100 * data.share}%`;
      return h(
        "tr",
        null,
        h("td", null, h("button.token", {
          type: "button",
          title: "Show the answers where it is shifted",
          onclick: () => onToken(state.run, data.text)
        }, visibleToken(data.text))),
        h("td.number", null, h("b", null, formatCount(data.shifted))),
        h("td.number", null, formatCount(data.marginal)),
        h("td.number", null, formatCount(data.count)),
        h("td.number.share", null, h("span.meter", null, share), h("span.value", null, formatPercent(data.share, 0))),
        h("td.number", null, formatNumber(data.kl, 2)),
        h("td", null, data.instead.map((other) => h(
          "span.instead",
          null,
          h("code", null, visibleToken(other.text)),
          h("small", null, ` ×${formatCount(other.times)} `)
        )))
      );
    }
    const pills = runs.map((run) => h("button.pill", { type: "button", onclick: () => change({ run }) }, run.label));
    function render() {
      if (!tables.has(state.run)) tables.set(state.run, tokenTable(state.run, state.run.answers));
      const rows = sorted(tables.get(state.run), state);
      fill(body, rows.slice(0, state.shown).map(row));
      more.hidden = rows.length <= state.shown;
      status.textContent = rows.length > state.shown ? `${formatCount(state.shown)} of ${formatCount(rows.length)} tokens` : `${formatCount(rows.length)} tokens`;
      headers.forEach((header, i) => {
        if (kColumns[i] === state.column) header.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
        else header.removeAttribute("aria-sort");
      });
      if (search.value !== state.text) search.value = state.text;
      fewest.value = String(state.fewest);
      pills.forEach((pill, i) => pill.setAttribute("aria-pressed", String(runs[i] === state.run)));
    }
    const element = h(
      "div.tokens-view",
      null,
      h("h2.visually-hidden", null, "Shifted tokens"),
      h(
        "div.toolbar",
        null,
        h("div.pills", { role: "group", "aria-label": "Run", hidden: runs.length < 2 }, pills),
        search,
        h("label", null, "shifted at least ", fewest, " times"),
        status
      ),
      h("div.card", null, h(
        "div.scroll",
        { tabindex: 0, role: "region", "aria-label": "Table of tokens" },
        h("table.sortable", null, h("thead", null, h("tr", null, headers)), body)
      ), more)
    );
    return {
      title: "Shifted tokens",
      element,
      place: () => placeOf([], {
        q: state.text,
        sort: state.column === kDefault ? "" : state.column.key,
        up: state.descending ? "" : "1",
        fewest: state.fewest === 1 ? "" : String(state.fewest),
        run: state.run === runs[0] ? "" : String(state.run.index)
      }),
      open({ filters }) {
        const fewestWanted = Number(filters.get("fewest") ?? 1);
        Object.assign(state, {
          text: filters.get("q") ?? "",
          column: kColumns.find(({ key, compare }) => compare && key === filters.get("sort")) ?? kDefault,
          descending: !filters.has("up"),
          fewest: kFewest.includes(fewestWanted) ? fewestWanted : 1,
          run: runs[Number(filters.get("run") ?? 0)] ?? runs[0]
        });
        render();
      }
    };
  }

  // report/main.ts
  function subtitle(runs, answers) {
    const positions = runs.reduce((sum, run) => sum + run.positions, 0);
    return [
      [...new Set(runs.map((run) => run.header.pair))].join(" · "),
      h("span", null, ` — ${counted(answers, "answer")}, ${counted(positions, "token")}`)
    ];
  }
  runPage(async () => {
    const header = readJson("report-header");
    const runs = await Promise.all(header.runs.map((run, i) => loadRun(i, run)));
    const answers = new AnswersView(runs);
    const tokens = makeTokensView(runs, { onToken: (run, text2) => answers.filterByToken(run, text2), onMoved: () => shell.moved("tokens", false) });
    const overview = makeOverview(runs, { onTag: (tag) => answers.filterByTag(tag) });
    const shell = makeShell({
      title: header.title,
      subtitle: subtitle(runs, answers.items.length),
      views: /* @__PURE__ */ new Map([["overview", overview], ["tokens", tokens], ["answers", answers]])
    });
    answers.onMoved = (step) => shell.moved("answers", step);
    for (const run of runs) await run.loadTopLists();
  });
})();
