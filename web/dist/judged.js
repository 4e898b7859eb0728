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
  function formatCount(value) {
    return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
  }
  function formatPercent(value, digits = 1) {
    if (!Number.isFinite(value)) return "–";
    const percent2 = 100 * value;
    if (percent2 > 0 && percent2 < 0.5 * 10 ** -digits) {
      return percent2 < 1e-4 ? `${percent2.toExponential(0)} %` : `${Number(percent2.toPrecision(1))} %`;
    }
    return `${percent2.toFixed(digits)} %`;
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

  // judged/data.ts
  var kBreakdowns = ["task", "topic", "source", "difficulty"];
  function mapOf(object) {
    return new Map(Object.entries(object ?? {}));
  }
  function mapped(object, change) {
    return new Map([...mapOf(object)].map(([name, value]) => [name, change(value, name)]));
  }
  function readGroup(raw) {
    const aspects = mapOf(raw);
    aspects.delete("n");
    return { n: Number(raw.n), aspects };
  }
  function readTurns(raw) {
    const of = (name) => ({ mean: raw[name] ?? null, ci95: raw[`${name}_ci95`] ?? null });
    const intervals = mapOf(raw.categories_ci95);
    return {
      withheld: Boolean(raw.withheld),
      unscored: Number(raw.unscored),
      parts: /* @__PURE__ */ new Map([["turn 1", of("turn_1")], ["turn 2", of("turn_2")], ["overall", of("overall")]]),
      categories: mapped(raw.categories, (mean2, name) => ({ mean: mean2, ci95: intervals.get(name) ?? null }))
    };
  }
  function readResult(raw) {
    return {
      withheld: Boolean(raw.withheld),
      records: raw.records ?? 0,
      verdicts: raw.verdicts ?? 0,
      unscored: raw.unscored ?? 0,
      refused: raw.refused ?? 0,
      steering: raw.steering ?? 0,
      avg: raw.avg ?? null,
      avg_ci95: raw.avg_ci95 ?? null,
      len: raw.len ?? null,
      isOriginal: Boolean(raw.report),
      aspects: raw.aspects ? mapOf(raw.aspects) : null,
      breakdowns: new Map(kBreakdowns.map((name) => [name, mapped(raw[name], readGroup)])),
      winRates: raw.win_rates ? mapped(raw.win_rates, (aspects) => mapOf(aspects)) : null,
      mtBench: raw.mt_bench ? mapped(raw.mt_bench, readTurns) : null,
      agreement: mapOf(raw.agreement),
      bill: raw.bill ?? null
    };
  }
  function readVerdict(raw) {
    const reason = raw.reason ?? raw.raw ?? "";
    if (raw.score !== void 0) return { kind: "score", score: raw.score, text: String(raw.score), reason };
    if (raw.preference !== void 0) return { kind: "preference", score: NaN, text: raw.preference, reason };
    if (raw.labels !== void 0) return { kind: "labels", score: NaN, text: raw.labels.join(", "), reason };
    if (raw.not_applicable !== void 0) return { kind: "not_applicable", score: NaN, text: "not applicable", reason };
    return { kind: "unscored", score: NaN, text: `unscored: ${raw.unscored ?? "not known"}`, reason };
  }
  function readRecord(raw) {
    const list = (value) => value === void 0 || value === null ? [] : [value].flat().map(String);
    const text2 = (value) => value === void 0 || value === null ? "" : String(value);
    return {
      id: text2(raw.id),
      instruction: text2(raw.instruction),
      follow_ups: list(raw.follow_ups),
      references: list(raw.references),
      tags: { task: list(raw.task), topic: list(raw.topic), source: list(raw.dataset), difficulty: list(raw.difficulty), category: list(raw.category) },
      answer: raw.answer,
      other: raw.other ?? null,
      judge: text2(raw.judge),
      rubric: text2(raw.rubric),
      rubric_version: text2(raw.rubric_version),
      turn: Number(raw.turn),
      attempts: Number(raw.attempts),
      reply: text2(raw.reply),
      steering: list(raw.steering),
      verdicts: mapped(raw.verdicts, readVerdict)
    };
  }
  var kTops = [5, 10];
  function scaleOf(records) {
    let low = 1;
    let high = 1;
    for (const { verdicts } of records) {
      for (const { score } of verdicts.values()) {
        if (score < low) low = score;
        if (score > high) high = score;
      }
    }
    return [Math.floor(low), kTops.find((top) => top >= high) ?? Math.ceil(high)];
  }
  async function loadRuns(header) {
    return Promise.all(header.runs.map(async ({ label, manifest, result }, index) => {
      const records = (await parseBlock(`run-${index}-records`)).map(readRecord);
      return { index, label, manifest, result: readResult(result), records, scale: scaleOf(records) };
    }));
  }
  async function loadColours(header) {
    return Promise.all((header.colours ?? []).map(async (colours, index) => ({ ...colours, answers: mapOf(await parseBlock(`colours-${index}`)) })));
  }
  function differencesOf(header) {
    return header.differences.map(({ run, against, aspects }) => ({ run, against, aspects: mapOf(aspects) }));
  }
  function answersOf(records) {
    const columns = /* @__PURE__ */ new Map();
    for (const record of records) {
      if (record.other) continue;
      const { generator } = record.answer;
      const column = columns.get(generator) ?? { generator, answer: record.answer, records: [] };
      column.records.push(record);
      columns.set(generator, column);
    }
    return [...columns.values()];
  }
  function choiceOf({ kind, text: text2 }, straight) {
    if (kind !== "preference") return null;
    return text2 === "tie" ? "tie" : text2 === "A" === straight ? "first" : "second";
  }
  function comparisonsOf(records) {
    const comparisons = /* @__PURE__ */ new Map();
    for (const record of records) {
      if (!record.other) continue;
      const names = [record.answer.generator, record.other.generator];
      const key = JSON.stringify([[...names].sort(), record.judge, record.rubric, record.turn]);
      const comparison = comparisons.get(key) ?? { first: record.answer, second: record.other, record, orders: [] };
      comparisons.set(key, comparison);
      const straight = record.answer.generator === comparison.first.generator;
      comparison.orders.push({ record, straight, choices: new Map([...record.verdicts].map(([aspect, verdict]) => [aspect, { choice: choiceOf(verdict, straight), verdict }])) });
    }
    return [...comparisons.values()];
  }
  function outcomeOf(comparison, aspect) {
    const choices = comparison.orders.map((order) => order.choices.get(aspect)?.choice ?? null);
    if (choices.includes(null)) return null;
    return choices.every((choice) => choice === choices[0]) ? choices[0] : "flip";
  }
  function pairItems(runs) {
    const items = /* @__PURE__ */ new Map();
    for (const run of runs) {
      for (const record of run.records) {
        const key = JSON.stringify([record.id, record.instruction]);
        let item = items.get(key);
        if (!item) {
          const { id, instruction, follow_ups, references, tags } = record;
          item = { id, instruction, follow_ups, references, tags, of: runs.map(() => ({ records: [], answers: [], comparisons: [] })) };
          items.set(key, item);
        }
        item.of[run.index].records.push(record);
      }
    }
    for (const item of items.values()) {
      for (const own of item.of) {
        own.answers = answersOf(own.records);
        own.comparisons = comparisonsOf(own.records);
      }
    }
    return [...items.values()];
  }
  function aspectNames(runs) {
    return [...new Set(runs.flatMap((run) => run.records.flatMap((record) => [...record.verdicts.keys()])))];
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

  // page/filter_button.ts
  function makeFilterButton(controls) {
    const summary = h("summary.quiet", null, "Filters");
    const element = h(
      "details.filters",
      null,
      summary,
      h("div.card.filter-panel", null, controls.map(([label, control]) => h("label", null, h("span", null, label), control)))
    );
    const chips = h("span.chips");
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !element.open) return;
      element.open = false;
      summary.focus();
    });
    document.addEventListener("pointerdown", (event) => {
      if (event.target instanceof Node && !element.contains(event.target)) element.open = false;
    });
    return {
      element,
      chips,
      update(chosen2) {
        fill(summary, chosen2.length ? `Filters (${chosen2.length})` : "Filters");
        fill(chips, chosen2.map(({ label, onRemove }) => h("button.chip", { type: "button", title: "Remove this filter", onclick: onRemove }, `${label} ✕`)));
      }
    };
  }

  // page/position.ts
  var kClasses = ["unshifted", "marginal", "shifted"];

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

  // judged/item_filter.ts
  function scoresOf(records, aspect) {
    const scores = [];
    for (const record of records) {
      for (const [name, { score }] of record.verdicts) {
        if ((!aspect || name === aspect) && !Number.isNaN(score)) scores.push(score);
      }
    }
    return scores;
  }
  function mean(values) {
    return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : NaN;
  }
  function spread(values) {
    const numbers = values.filter((value) => !Number.isNaN(value));
    return numbers.length > 1 ? Math.max(...numbers) - Math.min(...numbers) : 0;
  }
  function aspectsOf(item, aspect) {
    if (aspect) return [aspect];
    return [...new Set(item.of.flatMap((own) => own.records.flatMap((record) => [...record.verdicts.keys()])))];
  }
  function runDisagreement(item, aspect) {
    const gaps = aspectsOf(item, aspect).map((name) => spread(item.of.map((own) => mean(scoresOf(own.records, name)))));
    return Math.max(0, ...gaps) + gaps.reduce((sum, gap) => sum + gap, 0) / 1e3;
  }
  function judgeDisagreement(item, aspect) {
    let most = 0;
    let sum = 0;
    const see = (gap) => {
      most = Math.max(most, gap);
      sum += gap;
    };
    for (const own of item.of) {
      for (const name of aspectsOf(item, aspect)) {
        for (const column of own.answers) {
          const turns = new Set(column.records.map((record) => record.turn));
          for (const turn of turns) see(spread(scoresOf(column.records.filter((record) => record.turn === turn), name)));
        }
        const outcomes = new Set(own.comparisons.map((comparison) => outcomeOf(comparison, name)).filter((x) => x !== null));
        if (outcomes.has("flip") || outcomes.size > 1) see(1);
      }
    }
    return most + sum / 1e3;
  }
  function everyScore(item, aspect) {
    return mean(item.of.flatMap((own) => scoresOf(own.records, aspect)));
  }
  function longest(item) {
    return Math.max(0, ...item.of.flatMap((own) => own.records.map((record) => Math.max(record.answer.output.length, record.other?.output.length ?? 0))));
  }
  var kOrders = /* @__PURE__ */ new Map([
    ["runs", { title: "runs disagree most", value: runDisagreement, direction: -1 }],
    ["judges", { title: "judges or orders disagree most", value: judgeDisagreement, direction: -1 }],
    ["lowest", { title: "lowest scores first", value: everyScore, direction: 1 }],
    ["highest", { title: "highest scores first", value: everyScore, direction: -1 }],
    ["longest", { title: "longest answers first", value: longest, direction: -1 }]
  ]);
  function hasSeveralJudges(items) {
    return items.some((item) => item.of.some((own) => own.comparisons.some((comparison) => comparison.orders.length > 1) || own.answers.some((column) => new Set(column.records.map((record) => record.judge)).size > 1)));
  }
  function makeConditions(runs) {
    const scores = new Set(runs.flatMap((run) => scoresOf(run.records, "")));
    const conditions = /* @__PURE__ */ new Map();
    for (const score of [...scores].sort((a, b) => b - a)) conditions.set(`=${score}`, { title: `score ${score}`, test: (verdict) => verdict.score === score });
    if (scores.size > 2) conditions.set("low", { title: "score 2 or lower", test: (verdict) => verdict.score <= 2 });
    const kinds = new Set(runs.flatMap((run) => run.records.flatMap((record) => [...record.verdicts.values()].map(({ kind }) => kind))));
    if (kinds.has("preference")) {
      conditions.set("flip", { title: "flips with the order", test: null });
      conditions.set("tie", { title: "tie", test: ({ kind, text: text2 }) => kind === "preference" && text2 === "tie" });
    }
    if (kinds.has("not_applicable")) conditions.set("not_applicable", { title: "not applicable", test: ({ kind }) => kind === "not_applicable" });
    if (kinds.has("unscored")) conditions.set("unscored", { title: "unscored", test: ({ kind }) => kind === "unscored" });
    return conditions;
  }
  function fulfils(own, { test }, aspect) {
    if (!test) {
      return own.comparisons.some((comparison) => [...comparison.orders[0].choices.keys()].some((other) => (!aspect || other === aspect) && outcomeOf(comparison, other) === "flip"));
    }
    return own.records.some((record) => [...record.verdicts].some(([other, verdict]) => (!aspect || other === aspect) && test(verdict)));
  }
  var kParts = [["", "everything"], ["questions", "questions"], ["answers", "answers"], ["reasons", "reasons"]];
  var searched = /* @__PURE__ */ new WeakMap();
  function searchedText(own) {
    let text2 = searched.get(own);
    if (!text2) {
      text2 = {
        answers: own.records.flatMap(({ answer, other }) => [answer.output, other?.output ?? "", ...answer.follow_ups ?? []]).join("\n").toLowerCase(),
        reasons: own.records.flatMap(({ verdicts }) => [...verdicts.values()].map(({ reason }) => reason)).join("\n").toLowerCase()
      };
      searched.set(own, text2);
    }
    return text2;
  }
  function mentions(item, own, text2, part) {
    if ((!part || part === "questions") && item.instruction.toLowerCase().includes(text2)) return true;
    return own.some((one) => {
      const { answers, reasons } = searchedText(one);
      return (!part || part === "answers") && answers.includes(text2) || (!part || part === "reasons") && reasons.includes(text2);
    });
  }
  function selectItems(items, wanted, shown, conditions) {
    const text2 = wanted.text.toLowerCase();
    const condition = conditions.get(wanted.condition);
    const chosen2 = items.filter((item) => {
      const own = shown.map((run) => item.of[run.index]);
      if (wanted.id !== null && item.id !== wanted.id) return false;
      if ([...wanted.tags].some(([facet, tag]) => tag && !item.tags[facet].includes(tag))) return false;
      if (!own.some(({ records }) => records.length)) return false;
      if (condition && !own.some((one) => fulfils(one, condition, wanted.aspect))) return false;
      return !text2 || mentions(item, own, text2, wanted.part);
    });
    const order = kOrders.get(wanted.order);
    if (!order) return chosen2;
    const values = new Map(chosen2.map((item) => {
      const value = order.value({ ...item, of: shown.map((run) => item.of[run.index]) }, wanted.aspect);
      return [item, Number.isNaN(value) ? Infinity : order.direction * value];
    }));
    return chosen2.sort((a, b) => values.get(a) - values.get(b) || 0);
  }
  function facetCounts(items, facet) {
    const counts = /* @__PURE__ */ new Map();
    for (const item of items) for (const tag of item.tags[facet]) counts.set(tag, (counts.get(tag) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
  }

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
    const drawn = kPatterns[cueOf(index)](colour("surface"));
    if (!drawn) return { definition: null, value: fill2 };
    const id = `pattern-${++patterns}`;
    return {
      definition: s("pattern", { id, width: 8, height: 8, patternUnits: "userSpaceOnUse" }, s("rect", { width: 8, height: 8, fill: fill2 }), drawn),
      value: `url(#${id})`
    };
  }

  // judged/score_histogram.ts
  var kMostBars = 21;
  var kHeight = 44;
  var kWidth = 11;
  function barOf(run, height) {
    const { definition, value } = patternFill(run.index, runColour(currentTheme(), run.index));
    return s("svg", { width: kWidth, height, "aria-hidden": "true" }, definition, s("rect", { width: kWidth, height, rx: 1.5, fill: value }));
  }
  function makeScoreHistogram({ onChoose }) {
    const element = h("div.histogram", { role: "group", "aria-label": "Scores: press one to filter" });
    function update(items, shown, aspect, condition) {
      const counts = shown.map((run) => {
        const of = /* @__PURE__ */ new Map();
        for (const item of items) for (const score of scoresOf(item.of[run.index].records, aspect)) of.set(score, (of.get(score) ?? 0) + 1);
        return of;
      });
      const scores = [...new Set(counts.flatMap((of) => [...of.keys()]))].sort((a, b) => a - b);
      element.hidden = scores.length < 2 || scores.length > kMostBars;
      const most = Math.max(1, ...counts.flatMap((of) => [...of.values()]));
      fill(element, h("small", null, aspect || "all aspects"), scores.map((score) => {
        const name = `=${score}`;
        const told = shown.map((run, i) => `${run.label}: ${formatCount(counts[i].get(score) ?? 0)}`).join("\n");
        return h(
          "button.score-bar",
          {
            type: "button",
            title: `score ${score}
${told}`,
            "aria-pressed": String(name === condition),
            onclick: () => onChoose(name === condition ? "" : name)
          },
          h("span.bars", { "aria-hidden": "true" }, shown.map((run, i) => barOf(run, kHeight * (counts[i].get(score) ?? 0) / most))),
          h("span", null, score)
        );
      }), shown.length > 1 ? h("small.bar-names", null, shown.map((run) => h("span", null, barOf(run, kWidth), run.label))) : null);
    }
    return { element, update };
  }

  // judged/items_view.ts
  function verdictBadge({ kind, score, text: text2 }, [low, high]) {
    if (kind !== "score") return h(`span.verdict.${kind}`, null, text2);
    const bar = h("span.fill");
    bar.style.width = `${100 * Math.max(0, Math.min(1, (score - low + 1) / (high - low + 1)))}%`;
    return h("span.verdict", null, h("b", null, score), h("span.pips", { "aria-hidden": "true" }, bar));
  }
  var ItemsView = class {
    constructor(runs, { shift, shown, colours }) {
      this.runs = runs;
      this.shiftAddress = shift.address;
      this.shiftIds = new Set(shift.ids);
      this.firstShown = shown;
      this.items = pairItems(runs);
      this.aspects = aspectNames(runs);
      this.conditions = makeConditions(runs);
      this.shownRuns = runs.slice(0, shown);
      this.colours = colours;
      this.coloured = colours[0] ?? null;
      this.cards = new CardList({
        name: (item) => `Item ${item.id}`,
        content: (item) => this.cardContent(item),
        height: (item) => this.guessHeight(item),
        nothing: "No item matches. Clear the search or the filters."
      });
      this.search = searchField("Search questions, answers, reasons", (text2) => this.want({ text: text2 }, false));
      this.facets = new Map(kBreakdowns.flatMap((facet) => {
        const picker = this.facetPicker(facet);
        return picker ? [[facet, picker]] : [];
      }));
      this.aspectPicker = selectOf("Aspect", [["", "any aspect"], ...this.aspects.map((name) => [name, name])], (aspect) => this.want({ aspect }));
      this.conditionPicker = selectOf(
        "Verdict",
        [["", "any verdict"], ...[...this.conditions].map(([name, { title }]) => [name, title])],
        (condition) => this.want({ condition })
      );
      const orders = [...kOrders].filter(([name]) => (name !== "runs" || runs.length > 1) && (name !== "judges" || hasSeveralJudges(this.items)));
      this.orderPicker = selectOf("Order", [["", "as they were finished"], ...orders.map(([name, { title }]) => [name, title])], (order) => this.want({ order }));
      this.partPicker = selectOf("Search in", kParts, (part) => this.want({ part }));
      this.filters = makeFilterButton([
        ...[...this.facets].map(([facet, picker]) => [facet, picker]),
        ["aspect", this.aspectPicker],
        ["verdict", this.conditionPicker],
        ["search in", this.partPicker]
      ]);
      this.runPicker = makeRunPicker({ runs, shown: () => this.shownRuns, onChoose: (shown2) => this.showRuns(shown2) });
      this.element = h(
        "div.items-view",
        null,
        h("h2.visually-hidden", null, "Items"),
        h(
          "div.toolbar",
          null,
          this.search,
          this.filters.element,
          this.orderPicker,
          this.colourPicker(),
          this.runPicker.element,
          this.filters.chips,
          this.status
        ),
        this.histogram.element,
        printNote(this.cards, "item"),
        this.cards.element
      );
    }
    runs;
    title = "Items";
    element;
    items;
    shownRuns;
    /** The view shows something else; set by who puts the page together. */
    onMoved = () => void 0;
    shiftAddress;
    shiftIds;
    firstShown;
    aspects;
    conditions;
    colours;
    coloured;
    wanted = { text: "", tags: /* @__PURE__ */ new Map(), aspect: "", condition: "", id: null, order: "", part: "" };
    cards;
    status = h("span.status", { role: "status" });
    filters;
    partPicker;
    histogram = makeScoreHistogram({ onChoose: (condition) => this.want({ condition }) });
    search;
    facets;
    aspectPicker;
    conditionPicker;
    orderPicker;
    runPicker;
    // The toolbar.
    showRuns(shown) {
      this.shownRuns = shown;
      this.render();
      this.onMoved(true);
    }
    colourPicker() {
      if (!this.colours.length) return null;
      const names = this.colours.map(({ run, base }, i) => [String(i), `${run}: shift against ${base}`]);
      return selectOf("Colours of tokens", [...names, ["", "no colours"]], (index) => {
        this.coloured = index === "" ? null : this.colours[Number(index)];
        this.render();
      });
    }
    facetPicker(facet) {
      const counts = facetCounts(this.items, facet);
      if (!counts.length) return null;
      return selectOf(
        facet,
        [["", `any ${facet}`], ...counts.map(([tag, count]) => [tag, `${tag} (${formatCount(count)})`])],
        (tag) => this.want({ tags: new Map([...this.wanted.tags, [facet, tag]]) })
      );
    }
    want(change, step = true) {
      this.wanted = { ...this.wanted, ...change };
      this.render();
      this.onMoved(step);
    }
    /** The items of some runs with a tag, the worst on an aspect first: where a cell of the heat map leads. */
    showGroup(runs, facet, tag, aspect) {
      this.shownRuns = [...runs];
      this.want({ text: "", tags: /* @__PURE__ */ new Map([[facet, tag]]), aspect, condition: "", order: "lowest", id: null });
    }
    place() {
      const { text: text2, tags, aspect, condition, id, order, part } = this.wanted;
      return placeOf(id === null ? [] : [id], {
        q: text2,
        in: part,
        ...Object.fromEntries(tags),
        aspect,
        verdict: condition,
        order,
        runs: this.hasDefaultRuns() ? "" : this.shownRuns.map((run) => run.index).join(",")
      });
    }
    hasDefaultRuns() {
      return this.shownRuns.length === Math.min(this.firstShown, this.runs.length) && this.shownRuns.every((run, i) => run === this.runs[i]);
    }
    open({ parts, filters }) {
      const of = (name) => filters.get(name) ?? "";
      const chosen2 = of("runs").split(",").filter((index) => index !== "").map((index) => this.runs[Number(index)]);
      this.shownRuns = chosen2.some(Boolean) ? this.runs.filter((run) => chosen2.includes(run)) : this.runs.slice(0, this.firstShown);
      this.wanted = {
        text: of("q"),
        tags: new Map(kBreakdowns.flatMap((facet) => filters.has(facet) ? [[facet, of(facet)]] : [])),
        aspect: of("aspect"),
        condition: of("verdict"),
        order: of("order"),
        id: parts[0] ?? null,
        part: of("in")
      };
      this.render();
    }
    render() {
      const { text: text2, tags, aspect, condition, order, part } = this.wanted;
      if (this.search.value !== text2) this.search.value = text2;
      for (const [facet, picker] of this.facets) picker.value = tags.get(facet) ?? "";
      this.aspectPicker.value = aspect;
      this.conditionPicker.value = condition;
      this.orderPicker.value = order;
      this.partPicker.value = part;
      this.runPicker.update();
      this.filters.update(this.chipsOf());
      const chosen2 = selectItems(this.items, this.wanted, this.shownRuns, this.conditions);
      this.status.textContent = chosen2.length === this.items.length ? counted(chosen2.length, "item") : `${formatCount(chosen2.length)} of ${counted(this.items.length, "item")}`;
      this.histogram.update(
        condition.startsWith("=") ? selectItems(this.items, { ...this.wanted, condition: "", order: "" }, this.shownRuns, this.conditions) : chosen2,
        this.shownRuns,
        aspect,
        condition
      );
      this.cards.show(chosen2);
    }
    chipsOf() {
      const { tags, aspect, condition, id, part } = this.wanted;
      const chips = [];
      const add = (label, change) => {
        chips.push({ label, onRemove: () => this.want(change) });
      };
      if (id !== null) add(`item #${id}`, { id: null });
      for (const [facet, tag] of tags) if (tag) add(`${facet}: ${tag}`, { tags: new Map([...tags].filter(([other]) => other !== facet)) });
      if (aspect) add(`aspect: ${aspect}`, { aspect: "" });
      if (condition) add(this.conditions.get(condition)?.title ?? condition, { condition: "" });
      if (part) add(`search in ${part}`, { part: "" });
      return chips;
    }
    // The cards.
    guessHeight(item) {
      const own = this.shownRuns.map((run) => item.of[run.index]);
      const longest2 = Math.max(0, ...own.flatMap(({ records }) => records.map((record) => record.answer.output.length)));
      return 220 + Math.min(360, longest2 / 3) + 60 * this.aspects.length;
    }
    cardContent(item) {
      const tags = kBreakdowns.flatMap((facet) => item.tags[facet]);
      return [
        h(
          "header",
          null,
          h("span.id", null, `#${item.id}`),
          h("p.instruction", { dir: "auto", tabindex: 0, role: "group", "aria-label": "Question" }, this.marked(item.instruction)),
          h("span.tag-list", null, tags.map((tag) => h("span.tag", null, tag)), this.shiftLink(item))
        ),
        item.follow_ups.map((text2) => h("p.follow-up", { dir: "auto" }, h("small", null, "then: "), this.marked(text2))),
        item.references.length ? h("details", null, h("summary", null, "reference answer"), item.references.map((text2) => h("pre", null, text2))) : null,
        this.scoreSection(item),
        this.shownRuns.map((run) => item.of[run.index].comparisons.map((comparison) => this.comparisonSection(run, comparison)))
      ];
    }
    shiftLink(item) {
      if (!this.shiftIds.has(item.id)) return null;
      return h("a.shift", { href: `${this.shiftAddress}#answers/${encodeURIComponent(item.id)}`, rel: "noreferrer" }, "token by token →");
    }
    marked(text2) {
      return markedText(text2, this.wanted.text);
    }
    /** A grid: a column an answer, a row an aspect. */
    scoreSection(item) {
      const columns = this.shownRuns.flatMap((run) => {
        const { answers, comparisons } = item.of[run.index];
        if (!answers.length && comparisons.length) return [];
        return answers.length ? answers.map((answer) => ({ run, ...answer })) : [{ run, records: [] }];
      });
      if (!columns.some((column) => column.records.length)) return null;
      const aspects = this.aspects.filter((aspect) => columns.some(({ records }) => records.some((record) => record.verdicts.has(aspect))));
      const names = columns.map((column) => column.run.label);
      const grid = h(
        "div.verdicts",
        { role: "table", "aria-label": "Answers and verdicts", tabindex: 0 },
        this.gridRow("head", "", names, columns.map((column) => this.answerHead(column))),
        aspects.length > 1 ? this.gridRow("strip-row", "scores", names, columns.map((column) => this.scoreStrip(column, aspects))) : null,
        this.gridRow("answers-row", "answer", names, columns.map((column) => this.answerText(column.answer, this.colouredText(column.run, item)))),
        aspects.map((aspect) => this.gridRow("aspect-row", aspect, names, columns.map((column) => this.aspectCell(column, aspect)))),
        this.gridRow("raw-row", "", names, columns.map(({ records }) => records.map((record) => this.rawReply(record, records.length > 1 ? `${record.judge}, turn ${record.turn}` : ""))))
      );
      grid.style.setProperty("--columns", String(columns.length));
      return grid;
    }
    /** `names`: of the columns, shown where they stand one under the other for want of room. */
    gridRow(kind, title, names, cells) {
      return h(
        `div.row.${kind}`,
        { role: "row" },
        h("div.row-title", { role: "rowheader" }, title || h("span.visually-hidden", null, kind.replace("-row", ""))),
        cells.map((cell, i) => h("div.cell", { role: "cell", "data-of": names[i] }, cell))
      );
    }
    answerHead({ run, generator = "", records }) {
      if (!records.length) return [h("h3", null, run.label), h("p.note", null, "This run has no such item.")];
      const judges = [...new Set(records.map((record) => record.judge).filter(Boolean))];
      const by = judges.length ? `judged by ${judges.join(", ")}` : "not judged";
      const several = this.runs.length > 1;
      return [
        h("h3", null, several ? run.label : generator || run.label),
        h("small", null, `${several && generator && generator !== run.label ? `${generator} · ` : ""}${by}`)
      ];
    }
    /** All scores of an answer at one glance, darker where they are higher; means where several judges spoke. */
    scoreStrip({ run: { scale: [low, high] }, records }, aspects) {
      if (!records.length) return null;
      return h("div.score-strip", null, aspects.map((aspect) => {
        const value = mean(scoresOf(records, aspect));
        const cell = h(
          "span.score-cell",
          { title: `${aspect}: ${Number.isNaN(value) ? "no score" : formatNumber(value, 2)}` },
          h("small", null, aspect),
          h("b", null, Number.isNaN(value) ? "–" : String(Number(value.toFixed(1))))
        );
        if (!Number.isNaN(value)) cell.style.setProperty("--heat", ((value - low) / Math.max(1, high - low)).toFixed(3));
        return cell;
      }));
    }
    /** The pieces of the run's answer by their class, where it is the one that is coloured. */
    colouredText(run, item) {
      const pieces = this.coloured?.run === run.label ? this.coloured.answers.get(item.id) : void 0;
      const output = item.of[run.index].answers[0]?.answer.output.trim();
      return pieces && output && pieces.map(([, text2]) => text2).join("").includes(output) ? pieces : void 0;
    }
    answerText(answer, pieces) {
      if (!answer) return null;
      const content = (text2) => text2 === "" ? h("span.note", null, "(empty)") : this.marked(text2);
      const box = (text2, parts) => h(
        "div.answer-text",
        { dir: "auto", tabindex: 0, role: "group", "aria-label": "Answer" },
        parts ? parts.map(([found, part]) => h(`span.t.${kClasses[found - 1]}`, null, this.marked(part))) : content(text2)
      );
      return [box(answer.output, pieces), (answer.follow_ups ?? []).map((text2) => [h("small", null, "second turn"), box(text2)])];
    }
    aspectCell({ run, records }, aspect) {
      const entries = records.flatMap((record) => {
        const verdict = record.verdicts.get(aspect);
        return verdict ? [{ record, verdict }] : [];
      });
      const judges = new Set(entries.map(({ record }) => record.judge)).size > 1;
      const turns = new Set(entries.map(({ record }) => record.turn)).size > 1;
      return entries.map(({ record, verdict }) => {
        const about = [judges ? record.judge : "", turns ? `turn ${record.turn}` : ""].filter(Boolean).join(", ");
        return h(
          "div.reading",
          null,
          verdictBadge(verdict, run.scale),
          about ? h("small", null, about) : null,
          h("span.reason", { dir: "auto" }, this.marked(verdict.reason))
        );
      });
    }
    /** `about`: which of several replies it is. */
    rawReply(record, about = "") {
      const steering = record.steering.length ? h("p.steering", null, `The answer looks like an attempt to steer the judge: ${record.steering.join(", ")}.`) : null;
      return [steering, h(
        "details",
        null,
        h("summary", null, "raw reply", h("small", null, ` ${[about, record.rubric].filter(Boolean).join(", ")}${record.attempts > 1 ? `, ${record.attempts} requests` : ""}`)),
        h("pre", { tabindex: 0 }, record.reply === "" ? "(none kept)" : record.reply)
      )];
    }
    /** Two answers, and per aspect what was preferred in each order. */
    comparisonSection(run, comparison) {
      const { first, second, orders, record } = comparison;
      const names = [first.generator || "A", second.generator || "B"];
      const head = (name, answer) => [h("h3", null, name), h("small", null, counted(answer.output.length, "character"))];
      const grid = h(
        "div.verdicts.pair",
        { role: "table", "aria-label": "Comparison of two answers", tabindex: 0 },
        this.gridRow("head", "", names, [head(names[0], first), head(names[1], second)]),
        this.gridRow("answers-row", "answer", names, [this.answerText(first), this.answerText(second)]),
        [...orders[0].choices.keys()].map((aspect) => this.choiceRow(aspect, comparison, names)),
        this.gridRow("raw-row", "", names, orders.map((order) => this.rawReply(order.record, `${names[order.straight ? 0 : 1]} first`)))
      );
      grid.style.setProperty("--columns", "2");
      return h("section", null, h("p.meta", null, `${run.label} · judged by ${record.judge} · ${orders.length > 1 ? "both orders" : "one order"}`), grid);
    }
    choiceRow(aspect, comparison, names) {
      const outcome = outcomeOf(comparison, aspect);
      const titles = { first: names[0], second: names[1], tie: "tie", flip: "tie: flips with the order" };
      const readings = comparison.orders.map((order) => {
        const said = order.choices.get(aspect);
        const text2 = !said ? "unscored: missing" : said.choice === null ? said.verdict.text : titles[said.choice];
        return h(
          "div.reading",
          null,
          h("small", null, `${names[order.straight ? 0 : 1]} first: ${text2}`),
          h("span.reason", { dir: "auto" }, this.marked(said?.verdict.reason ?? ""))
        );
      });
      return h(
        "div.row.aspect-row.wide",
        { role: "row" },
        h("div.row-title", { role: "rowheader" }, aspect),
        h("div.cell", { role: "cell" }, h(`span.verdict.${outcome ?? "unscored"}`, null, outcome === null ? "unscored" : titles[outcome]), readings)
      );
    }
  };

  // judged/charts.ts
  function styledOf(allSeries, theme) {
    return allSeries.map((series) => ({ ...series, fill: runColour(theme, series.index), dash: runDash(series.index).join(" ") }));
  }
  function ticks(low, high) {
    const step = high - low > 6 ? 2 : 1;
    const inner = Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, i) => high - i * step).reverse();
    return inner[0] === low ? inner : [low, ...inner.filter((value) => value - low >= step / 2 + 0.5)];
  }
  var within = (value, low, high) => Math.max(low, Math.min(high, value));
  function radar(axes, allSeries, { low, high, theme, width }) {
    const styled = styledOf(allSeries, theme);
    const side = Math.min(120, Math.max(56, ...axes.map((name) => textWidth(name) * 0.8)));
    const radius = Math.max(60, Math.min(130, width / 2 - side));
    const [middleX, middleY] = [width / 2, radius + 34];
    const angle = (i) => -Math.PI / 2 + 2 * Math.PI * i / axes.length;
    const at = (i, value) => {
      const r = radius * (within(value, low, high) - low) / (high - low);
      return [middleX + r * Math.cos(angle(i)), middleY + r * Math.sin(angle(i))];
    };
    const pointsOf = (places) => places.map((place) => place.map((x) => x.toFixed(1)).join(",")).join(" ");
    const grid = ticks(low, high).slice(1).map((value) => s("polygon", { points: pointsOf(axes.map((_, i) => at(i, value))), fill: "none", stroke: colour("line") }));
    const spokes = axes.map((_, i) => line(middleX, middleY, ...at(i, high), colour("line")));
    const numbers = ticks(low, high).map((value) => text(middleX - 6, middleY - radius * (value - low) / (high - low) + 4, "end", value, colour("muted")));
    const names = axes.map((name, i) => {
      const [x, y] = [middleX + (radius + 14) * Math.cos(angle(i)), middleY + (radius + 14) * Math.sin(angle(i))];
      const isMiddle = Math.abs(x - middleX) < 8;
      return text(
        x,
        y + (isMiddle && y < middleY ? 0 : 4),
        isMiddle ? "middle" : x > middleX ? "start" : "end",
        shortened(name, isMiddle ? width : Math.min(x, width - x))
      );
    });
    const placed = styled.map((series) => ({ ...series, points: series.values.flatMap((value, i) => value ? [{ value, i, place: at(i, value.mean) }] : []) }));
    const areas = placed.map(({ points, fill: fill2, dash }) => s("polygon", {
      points: pointsOf(points.map(({ place }) => place)),
      fill: fill2,
      "fill-opacity": 0.07,
      stroke: fill2,
      "stroke-width": 2,
      "stroke-dasharray": dash,
      "stroke-linejoin": "round"
    }));
    const intervals = placed.map(({ points, fill: fill2 }) => points.map(({ value, i }) => value.ci95 ? line(...at(i, value.ci95[0]), ...at(i, value.ci95[1]), fill2, 3.5) : null));
    const marks = placed.map(({ points, index, fill: fill2 }) => points.map(({ value, place }) => withTip(mark(...place, index, fill2, 4.5), value.tip)));
    const below = middleY + radius + 36;
    const key = legendRows(styled, 8, below, width - 16, lineSample);
    return chart(width, below + key.height - 8, describe("Radar", axes, styled), grid, spokes, numbers, names, areas, intervals, marks, key.element);
  }
  function dots(axes, allSeries, { low, high, theme, width }) {
    const styled = styledOf(allSeries, theme);
    const left = Math.min(width * 0.3, 16 + Math.max(...axes.map(textWidth)));
    const [right, step, gap] = [52, 20, 12];
    const key = styled.length > 1 ? legendRows(styled, 8, 12, width - 16, lineSample) : null;
    const top = 30 + (key?.height ?? 0);
    const x = (value) => left + (width - left - right) * (within(value, low, high) - low) / (high - low);
    const meanOf = (a) => {
      const values = styled.flatMap(({ values: values2 }) => values2[a] ? [values2[a].mean] : []);
      return values.reduce((sum, value) => sum + value, 0) / values.length;
    };
    const order = axes.map((_, a) => a).filter((a) => styled.some(({ values }) => values[a])).sort((a, b) => meanOf(b) - meanOf(a));
    const rowHeight = step * styled.length + gap;
    const bottom = top + order.length * rowHeight;
    const grid = ticks(low, high).map((value) => [
      line(x(value), top - 6, x(value), bottom, colour("line")),
      text(x(value), top - 11, "middle", value, colour("muted"))
    ]);
    const rows = order.map((a, row) => {
      const y = top + row * rowHeight;
      return [
        row ? line(0, y - gap / 2 + 2, width, y - gap / 2 + 2, colour("line"), 0.6) : null,
        text(left - 12, y + step * styled.length / 2 + 5, "end", shortened(axes[a], left - 14)),
        styled.map(({ values, fill: fill2, index }, i) => {
          const value = values[a];
          if (!value) return null;
          const middle = y + step * (i + 0.5);
          return withTip(s(
            "g",
            null,
            value.ci95 ? line(x(value.ci95[0]), middle, x(value.ci95[1]), middle, fill2, 3) : null,
            mark(x(value.mean), middle, index, fill2, 5.5),
            text(x(value.ci95?.[1] ?? value.mean) + 12, middle + 4, "start", value.mean.toFixed(2), colour("muted"))
          ), value.tip);
        })
      ];
    });
    return chart(width, bottom + 6, describe("Means", axes, styled), key?.element, grid, rows);
  }
  function differenceLine({ difference, decided }, reach) {
    const [width, height] = [480, 26];
    const x = (value) => width / 2 + (width / 2 - 8) * within(value / reach, -1, 1);
    const [low, high] = difference.ci95 ?? [difference.mean, difference.mean];
    const fill2 = decided ? colour("accent") : colour("muted");
    return chart(
      width,
      height,
      `${difference.mean.toFixed(2)}, 95 % interval ${low.toFixed(2)} to ${high.toFixed(2)}, ${decided ? "decided" : "not decided"}`,
      line(0, height / 2, width, height / 2, colour("line")),
      line(width / 2, 2, width / 2, height - 2, colour("muted"), 1, "2 3"),
      line(x(low), height / 2, x(high), height / 2, fill2, decided ? 4 : 2),
      s("circle", { cx: x(difference.mean), cy: height / 2, r: 5.5, fill: decided ? fill2 : colour("surface"), stroke: fill2, "stroke-width": 2 })
    );
  }
  function shareLine(share, ci95) {
    const [width, height] = [300, 26];
    const x = (value) => 8 + (width - 16) * within(value, 0, 1);
    const [low, high] = ci95 ?? [share, share];
    return chart(
      width,
      height,
      `${(100 * share).toFixed(1)} %, 95 % interval ${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)}`,
      line(x(0), height / 2, x(1), height / 2, colour("line")),
      line(x(0.5), 2, x(0.5), height - 2, colour("muted"), 1, "2 3"),
      line(x(low), height / 2, x(high), height / 2, colour("accent"), 4),
      mark(x(share), height / 2, 0, colour("accent"), 5)
    );
  }
  function describe(kind, axes, series) {
    return `${kind}: ` + series.map(({ label, values }) => `${label}: ${axes.map((name, i) => `${name} ${values[i]?.mean.toFixed(2) ?? "none"}`).join(", ")}`).join("; ");
  }

  // judged/decided.ts
  var kLevel = 0.05;
  function holm(values) {
    const order = values.flatMap((p, i) => p === null ? [] : [{ p, i }]).sort((a, b) => a.p - b.p);
    const corrected = values.map(() => null);
    let running = 0;
    order.forEach(({ p, i }, rank) => {
      running = Math.max(running, Math.min(1, p * (order.length - rank)));
      corrected[i] = running;
    });
    return corrected;
  }
  function judgeDifferences(differences) {
    const shown = differences.flatMap(({ run, against, aspects }) => [...aspects].flatMap(([aspect, difference]) => difference.mean === null ? [] : [{ run, against, aspect, difference: { ...difference, mean: difference.mean } }]));
    const isStated = shown.some(({ difference }) => typeof difference.p_holm === "number");
    const corrected = isStated ? shown.map(({ difference }) => difference.p_holm ?? null) : holm(shown.map(({ difference }) => difference.p_value));
    return { isStated, rows: shown.map((row, i) => {
      const p = corrected[i] ?? null;
      return { ...row, p, decided: p !== null && p < kLevel };
    }) };
  }

  // judged/numbers.ts
  function decimal(value, digits = 2) {
    return value === null || value === void 0 ? "–" : value.toFixed(digits).replace("-", "−");
  }
  function estimateCell(value, ci95, note = null) {
    return h(
      "td.number",
      null,
      h("b", null, decimal(value)),
      ci95 ? h("small", null, `${decimal(ci95[0])} – ${decimal(ci95[1])}`) : null,
      note
    );
  }
  function scoresTable(title, texts, numbers, rows) {
    return h("div.scroll", { tabindex: 0, role: "region", "aria-label": title }, h(
      "table.scores",
      null,
      h("thead", null, h(
        "tr",
        null,
        texts.map((name) => h("th", { scope: "col" }, name)),
        numbers.map((name) => h("th.number", { scope: "col" }, name))
      )),
      h("tbody", null, rows)
    ));
  }
  function measureCell(value, withheld) {
    if (!value) return h("td.number", null, "");
    if (withheld) return h("td.number", null, h("i.withheld", { title: "More than 5 % of the verdicts could not be read" }, "withheld"), unreadNote(value));
    return estimateCell(value.mean, value.ci95, unreadNote(value));
  }
  function unreadNote({ n, unscored, not_applicable }) {
    const parts = [unscored ? `${formatCount(unscored)} unscored` : "", not_applicable ? `${formatCount(not_applicable)} N/A` : ""].filter(Boolean);
    return parts.length ? h("small", { title: n === void 0 ? null : `${formatCount(n)} counted` }, parts.join(", ")) : null;
  }
  function percent(share, digits = 1) {
    return share === null || share === void 0 ? "–" : `${(100 * share).toFixed(digits)} %`;
  }

  // judged/heat_map.ts
  var kFewItems = 10;
  function rangeOf(runs, breakdown) {
    const means = runs.flatMap(({ result }) => result.withheld ? [] : [...result.breakdowns.get(breakdown).values()].flatMap(({ aspects }) => [...aspects.values()].map(({ mean: mean2 }) => mean2))).filter((mean2) => mean2 !== null);
    if (!means.length) return [0, 1];
    const low = Math.floor(2 * Math.min(...means)) / 2;
    return [low, Math.max(low + 0.5, Math.ceil(2 * Math.max(...means)) / 2)];
  }
  function cellOf(cell, { withheld, range: [low, high], label, onClick }) {
    if (!cell) return h("td.heat.empty", null, "");
    if (withheld) return h("td.heat.empty", null, h("i.withheld", null, "withheld"));
    if (cell.mean === null) return h("td.heat.empty", { title: "No verdict here is a number" }, "–");
    const share = (cell.mean - low) / (high - low);
    const interval = cell.ci95 ? `, 95 %: ${decimal(cell.ci95[0])} to ${decimal(cell.ci95[1])}` : "";
    const button = h(
      "button",
      { type: "button", title: `${label}: ${decimal(cell.mean)}${interval}, ${formatCount(cell.n ?? 0)} answers; click for the items`, onclick: onClick },
      decimal(cell.mean),
      h("small", null, cell.ci95 ? `±${decimal((cell.ci95[1] - cell.ci95[0]) / 2)}` : "")
    );
    const element = h(`td.heat${(cell.n ?? 0) < kFewItems ? ".few" : ""}`, null, button);
    element.style.setProperty("--heat", share.toFixed(3));
    return element;
  }
  function legendOf([low, high]) {
    return h(
      "span.heat-legend",
      null,
      decimal(low, 1),
      h("span.ramp", { "aria-hidden": "true" }),
      decimal(high, 1),
      h("small", null, ` ± half of the 95 % interval; in italics: fewer than ${kFewItems} answers`)
    );
  }
  function differenceCell(after, before, reach, label, onClick) {
    if (!after || !before || after.mean === null || before.mean === null) return h("td.heat.empty", null, "");
    const difference = after.mean - before.mean;
    const text2 = `${difference > 0 ? "+" : ""}${decimal(difference)}`;
    const few = Math.min(after.n ?? 0, before.n ?? 0) < kFewItems;
    const element = h(
      `td.heat.${difference < 0 ? "lower" : "higher"}${few ? ".few" : ""}`,
      null,
      h("button", { type: "button", title: `${label}: ${text2}; click for the items`, onclick: onClick }, text2)
    );
    element.style.setProperty("--heat", (Math.abs(difference) / reach).toFixed(3));
    return element;
  }
  function groupsOf(run, breakdown) {
    return run.result.breakdowns.get(breakdown);
  }
  function mapTable(title, tags, aspects, count, cell) {
    return h("div.map", null, h("h3", null, title), h("div.scroll", { tabindex: 0, role: "region", "aria-label": `By tag: ${title}` }, h(
      "table.heat-map",
      null,
      h("thead", null, h(
        "tr",
        null,
        h("th", { scope: "col" }, "tag"),
        count ? h("th.number", { scope: "col", title: "judgements" }, "n") : null,
        aspects.map((aspect) => h("th", { scope: "col" }, aspect))
      )),
      h("tbody", null, tags.map((tag) => h(
        "tr",
        null,
        h("th", { scope: "row" }, tag),
        count ? h("td.number", null, formatCount(count(tag))) : null,
        aspects.map((aspect) => cell(tag, aspect))
      )))
    )));
  }
  function runMap(run, { breakdown }, range, onCell) {
    const groups = groupsOf(run, breakdown);
    if (!groups.size) return h("p.nothing", null, `${run.label} has no such tags.`);
    const aspects = [...new Set([...groups.values()].flatMap((group) => [...group.aspects.keys()]))];
    return mapTable(run.label, [...groups.keys()], aspects, (tag) => groups.get(tag).n, (tag, aspect) => cellOf(groups.get(tag).aspects.get(aspect), {
      withheld: run.result.withheld,
      range,
      label: `${tag}, ${aspect}`,
      onClick: () => onCell([run], breakdown, tag, aspect)
    }));
  }
  function differenceMap(run, against, { breakdown }, onCell) {
    if (run.result.withheld || against.result.withheld) return null;
    const [after, before] = [groupsOf(run, breakdown), groupsOf(against, breakdown)];
    const tags = [...after.keys()].filter((tag) => before.has(tag));
    const aspects = [...new Set(tags.flatMap((tag) => [...after.get(tag).aspects.keys()].filter((aspect) => before.get(tag).aspects.has(aspect))))];
    if (!aspects.length) return null;
    const valueOf = (tag, aspect) => (after.get(tag).aspects.get(aspect)?.mean ?? NaN) - (before.get(tag).aspects.get(aspect)?.mean ?? NaN);
    const reach = Math.max(0.1, ...tags.flatMap((tag) => aspects.map((aspect) => Math.abs(valueOf(tag, aspect)))).filter((value) => !Number.isNaN(value)));
    return mapTable(`${run.label} minus ${against.label}`, tags, aspects, null, (tag, aspect) => differenceCell(
      after.get(tag).aspects.get(aspect),
      before.get(tag).aspects.get(aspect),
      reach,
      `${tag}, ${aspect}`,
      () => onCell([against, run], breakdown, tag, aspect)
    ));
  }
  function makeHeatMap(runs, { onCell }) {
    const breakdowns = kBreakdowns.filter((name) => runs.some((run) => groupsOf(run, name).size));
    if (!breakdowns.length) return null;
    const state = { breakdown: breakdowns[0], run: runs[runs.length > 1 ? 1 : 0], against: runs.length > 1 ? runs[0] : null };
    const holder = h("div.maps");
    const legend = h("div.toolbar-note");
    const choose = (change) => {
      Object.assign(state, change);
      render();
    };
    const pills = breakdowns.map((name) => h("button.pill", { type: "button", onclick: () => choose({ breakdown: name }) }, name));
    const names = runs.map(({ label }, i) => [String(i), label]);
    const runPicker = selectOf("Run of the heat map", names, (i) => choose({ run: runs[Number(i)] }));
    const againstPicker = selectOf(
      "Compared with",
      [["", "alone"], ...names.map(([i, label]) => [i, `beside ${label}`])],
      (i) => choose({ against: i === "" ? null : runs[Number(i)] })
    );
    runPicker.value = String(runs.indexOf(state.run));
    againstPicker.value = state.against ? String(runs.indexOf(state.against)) : "";
    function render() {
      const { run, against, breakdown } = state;
      const range = rangeOf(runs, breakdown);
      pills.forEach((pill, i) => pill.setAttribute("aria-pressed", String(breakdowns[i] === breakdown)));
      fill(legend, legendOf(range));
      fill(holder, against && against !== run ? [runMap(against, state, range, onCell), runMap(run, state, range, onCell), differenceMap(run, against, state, onCell)] : runMap(run, state, range, onCell));
    }
    render();
    return h(
      "section",
      null,
      h("h2", null, "Where are they strong and weak?"),
      h(
        "div.card.headline",
        null,
        h(
          "div.choices",
          null,
          h("div.pills", { role: "group", "aria-label": "Breakdown" }, pills),
          runs.length > 1 ? [runPicker, againstPicker] : null,
          legend
        ),
        holder,
        runs.length > 1 ? h("p.note", null, "Differences by tag are not tested: they show where to look.") : null
      )
    );
  }

  // judged/other_tables.ts
  function outcomeBar(rate) {
    const all = rate.wins + rate.ties + rate.losses;
    const bar = h("div.outcomes", { role: "img", "aria-label": `${rate.wins} wins, ${rate.ties} ties, ${rate.losses} losses` });
    for (const [name, count] of [["win", rate.wins], ["tie", rate.ties], ["loss", rate.losses]]) {
      if (!count) continue;
      const part = h(`span.${name}`, { title: `${name}: ${count}` }, count / all > 0.08 ? formatCount(count) : "");
      part.style.width = `${100 * count / all}%`;
      bar.append(part);
    }
    return bar;
  }
  function shareCell(share, ci95) {
    return h(
      "td.number",
      null,
      h("b", null, percent(share)),
      ci95 ? h("small", null, `${(100 * ci95[0]).toFixed(1)} – ${(100 * ci95[1]).toFixed(1)}`) : null
    );
  }
  function pairRow(generator, aspect, rate) {
    return h(
      "tr",
      null,
      h("th", { scope: "row" }, generator),
      h("td", null, aspect),
      h("td.bar-cell", null, outcomeBar(rate)),
      h("td.line", null, rate.rate === null ? null : shareLine(rate.rate, rate.ci95)),
      shareCell(rate.rate, rate.ci95),
      shareCell(rate.length_controlled, rate.length_controlled_ci95),
      h(
        "td.number",
        { title: `of ${rate.both_orders} that were asked in both orders` },
        formatCount(rate.flips),
        rate.both_orders ? h("small", null, percent(rate.flips / rate.both_orders, 0)) : null
      ),
      h("td.number", null, formatCount(rate.unscored))
    );
  }
  function pairTable(winRates) {
    const rates = [...winRates];
    const shown = rates.length === 2 ? rates.slice(0, 1) : rates;
    return h(
      "table.pairs",
      null,
      h("thead", null, h(
        "tr",
        null,
        h("th", { scope: "col" }, "Generator"),
        h("th", { scope: "col" }, "aspect"),
        h("th", { scope: "col" }, h("span.key.win", null, "wins"), h("span.key.tie", null, "ties"), h("span.key.loss", null, "losses")),
        h("th", { scope: "col" }, "win rate from 0 to 100 %, dotted: 50 %"),
        ["win rate", "length-controlled", "flips", "unscored"].map((name) => h("th.number", { scope: "col" }, name))
      )),
      h("tbody", null, shown.flatMap(([generator, aspects]) => [...aspects].map(([aspect, rate]) => pairRow(generator, aspect, rate))))
    );
  }
  function pairSection(runs) {
    const paired = runs.flatMap(({ label, result: { winRates } }) => winRates ? [{ label, winRates }] : []);
    if (!paired.length) return null;
    const holders = paired.map(({ label }) => h("div.scroll", { tabindex: 0, role: "region", "aria-label": `Wins of ${label}` }));
    const element = h("section", null, h("h2", null, "Which answer is preferred?"), paired.map(({ label, winRates }, i) => {
      const names = [...winRates.keys()];
      return h("div.card.headline", null, h("h3", null, label), names.length === 2 ? h("p.note", null, `${names[0]} against ${names[1]}`) : null, holders[i]);
    }));
    return { element, draw: () => holders.forEach((holder, i) => fill(holder, pairTable(paired[i].winRates))) };
  }
  function agreementSection(runs) {
    const rows = runs.flatMap(({ label, result }) => [...result.agreement].map(([aspect, { raters, units, alpha, exact }], i, all) => h(
      "tr",
      null,
      i === 0 ? h("th", { scope: "rowgroup", rowspan: all.length }, label) : null,
      h("th.aspect", { scope: "row" }, aspect),
      h("td.number", null, formatCount(raters)),
      h("td.number", null, formatCount(units)),
      estimateCell(alpha.value, alpha.ci95),
      estimateCell(exact.value, exact.ci95)
    )));
    if (!rows.length) return null;
    return h("section", null, h("h2", null, "Do the judges agree?"), h(
      "div.card.headline",
      null,
      h("p.note", null, "Krippendorff’s alpha: 1 is full agreement, 0 what chance gives. Exact: the share of equal verdicts among all pairs of judges."),
      scoresTable("Agreement of the judges", ["Run", "aspect"], ["judges", "items", "alpha", "exact"], rows)
    ));
  }
  function costText({ unpriced, cost_usd: cost }) {
    if (unpriced > 0 && cost === 0) return "not known (no price)";
    return `${unpriced > 0 ? "at least " : ""}${cost.toFixed(4)} USD`;
  }
  function billSection(runs) {
    const rows = runs.flatMap(({ label, result: { bill } }) => bill ? [h(
      "tr",
      null,
      h("th", { scope: "row" }, label),
      [bill.attempts, bill.failed, bill.prompt_tokens, bill.completion_tokens].map((count) => h("td.number", null, formatCount(count))),
      h("td.number", null, costText(bill))
    )] : []);
    if (!rows.length) return null;
    return h("section", null, h("h2", null, "What did it cost?"), h(
      "div.card.headline",
      null,
      scoresTable("Requests and cost", ["Run"], ["requests", "failed", "prompt tokens", "completion tokens", "cost"], rows)
    ));
  }
  function mtBenchSection(runs, chartsOf) {
    const benched = runs.flatMap(({ label, result: { mtBench } }) => mtBench ? [{ label, mtBench }] : []);
    const entries = benched.flatMap(({ label, mtBench }) => [...mtBench].map(([generator, table]) => ({
      label: benched.length > 1 ? `${label} · ${generator}` : generator,
      table
    })));
    if (!entries.length) return null;
    const categories = [...new Set(entries.flatMap(({ table }) => [...table.categories.keys()]))];
    const parts = ["turn 1", "turn 2", "overall"];
    const rows = entries.map(({ label, table }) => h(
      "tr",
      null,
      h("th", { scope: "row" }, label),
      parts.map((name) => measureCell(table.parts.get(name), table.withheld)),
      categories.map((name) => measureCell(table.categories.get(name), table.withheld)),
      h("td.number", null, formatCount(table.unscored))
    ));
    return h(
      "section",
      null,
      h("h2", null, "MT-bench"),
      h("div.card.headline", null, scoresTable("MT-bench", ["Answers"], [...parts, ...categories, "unscored"], rows)),
      categories.length ? chartsOf(entries, categories) : null
    );
  }

  // judged/overview.ts
  var kFewestAxes = 3;
  var kBenchScale = [1, 10];
  function aspectsOf2(runs) {
    return [...new Set(runs.flatMap((run) => [...run.result.aspects?.keys() ?? []]))];
  }
  function scoreTable(runs) {
    const aspects = aspectsOf2(runs);
    const rows = runs.map(({ label, result }) => h(
      "tr",
      null,
      h("th", { scope: "row" }, label, h("small", null, counted(result.records, "judgement"))),
      aspects.map((aspect) => measureCell(result.aspects?.get(aspect), result.withheld)),
      measureCell({ mean: result.avg, ci95: result.avg_ci95 }, result.withheld),
      h("td.number", null, decimal(result.len, 0)),
      h(
        "td.number",
        { title: `${result.refused} of them refused by the judge` },
        `${formatCount(result.unscored)}`,
        h("small", null, `of ${formatCount(result.verdicts)}`)
      )
    ));
    return scoresTable("Scores", ["Run"], [...aspects, "average", "words", "unscored"], rows);
  }
  function pointOf(label, name, value) {
    if (!value || value.mean === null) return null;
    const { mean: mean2, ci95, n } = value;
    const interval = ci95 ? `, 95 %: ${ci95[0].toFixed(2)} to ${ci95[1].toFixed(2)}` : "";
    return { mean: mean2, ci95, tip: `${label} · ${name}
${mean2.toFixed(2)}${interval}${n ? `
${counted(n, "answer")}` : ""}` };
  }
  function seriesOf(runs, names, valueOf) {
    return runs.map((run, i) => ({ label: run.label, index: run.index ?? i, values: names.map((name) => pointOf(run.label, name, valueOf(run, name))) })).filter(({ values }) => values.some((value) => value !== null));
  }
  function scoreCharts(runs, axes, valueOf, { name, title, scale: [low, high] }) {
    const series = seriesOf(runs, axes, valueOf);
    if (!series.length) return null;
    const drawn = [];
    const add = (title2, kind, make) => {
      const chart2 = chartCard(title2, `${kind}-${name}`, (width) => make(axes, series, { low, high, theme: currentTheme(), width }));
      drawn.push(chart2);
      return chart2.card;
    };
    const element = h(
      "div.charts.scores-charts",
      null,
      axes.length >= kFewestAxes ? add("Profile", "radar", radar) : null,
      add(title, "means", dots)
    );
    return { element, draw: () => drawn.forEach((chart2) => chart2.draw()) };
  }
  function formatP(value) {
    if (value === void 0 || value === null) return "–";
    return value < 1e-3 ? "< 0.001" : value.toFixed(3);
  }
  function verdictOf({ run, against, difference, decided }) {
    if (!decided) return h("span.undecided", null, "open");
    return h("b", { title: `p below ${kLevel} after correction` }, `${difference.mean > 0 ? run : against} higher`);
  }
  function differenceRow(row, isFirst, span, reach) {
    const { run, against, aspect, difference, p } = row;
    return h(
      "tr",
      null,
      isFirst ? h("th", { scope: "rowgroup", rowspan: span }, run, h("small", null, `minus ${against}`)) : null,
      h("th.aspect", { scope: "row" }, aspect),
      h("td.line", null, differenceLine(row, reach)),
      h(
        "td.number",
        null,
        h("b", null, `${difference.mean > 0 ? "+" : ""}${decimal(difference.mean)}`),
        difference.ci95 ? h("small", null, `${decimal(difference.ci95[0])} to ${decimal(difference.ci95[1])}`) : null
      ),
      h("td.decision", null, verdictOf(row)),
      h("td.number", null, formatP(p)),
      h("td.number", null, formatP(difference.p_value)),
      h("td.number", null, formatCount(difference.n)),
      h("td.number", null, formatCount(difference.unpaired))
    );
  }
  function differenceTable(differences) {
    const { rows, isStated } = judgeDifferences(differences);
    const reach = Math.max(0.1, ...rows.flatMap(({ difference: { mean: mean2, ci95 } }) => [mean2, ...ci95 ?? []].map(Math.abs)));
    const body = h("tbody");
    const isSamePair = (a, b) => a.run === b?.run && a.against === b.against;
    const draw = () => body.replaceChildren(...rows.map((row, i) => differenceRow(row, !isSamePair(row, rows[i - 1]), rows.filter((other) => isSamePair(row, other)).length, reach)));
    const numbers = ["p, corrected", "p", "items", "unpaired"];
    const element = h(
      "section",
      null,
      h("h2", null, "What differs between the runs?"),
      h(
        "div.card.headline",
        null,
        h(
          "p.note",
          null,
          `Paired by item, over the items that both runs scored. A difference is decided if its p, corrected by Holm’s rule for the number of comparisons, is below ${kLevel}: then the disc is filled and the run is named. The comparisons that count are `,
          isStated ? "those that were stated together beforehand." : `the ${rows.length} of this table.`
        ),
        h("div.scroll", { tabindex: 0, role: "region", "aria-label": "Differences between runs" }, h(
          "table.differences",
          null,
          h("thead", null, h(
            "tr",
            null,
            h("th", { scope: "col" }, "Runs"),
            h("th", { scope: "col" }, "aspect"),
            h("th", { scope: "col" }, `from −${reach.toFixed(1)} to +${reach.toFixed(1)}`),
            h("th.number", { scope: "col" }, "difference"),
            h("th", { scope: "col" }, "decided"),
            numbers.map((name) => h("th.number", { scope: "col" }, name))
          )),
          body
        ))
      )
    );
    return { element, draw };
  }
  function warnings(runs) {
    const lines = runs.flatMap(({ label, result }) => {
      const own = [];
      if (result.isOriginal) own.push("counted as the original authors did: “N/A” is 5.0, an item counts for its last tag, breakdowns look at helpfulness alone.");
      if (result.withheld) {
        own.push("more than 5 % of the verdicts of an aspect could not be read: no means are shown. --allow-unscored shows them.");
      } else if (result.unscored) {
        own.push(`${formatCount(result.unscored)} of ${formatCount(result.verdicts)} verdicts could not be read (${formatCount(result.refused)} refusals); means leave them out.`);
      }
      const parts = [...[...result.winRates?.values() ?? []].flatMap((rates) => [...rates.values()]), ...result.mtBench?.values() ?? []];
      if (parts.some(({ withheld }) => withheld)) own.push("more than 5 % of the verdicts could not be read: no rates and means are shown. --allow-unscored shows them.");
      if (result.steering) own.push(`${formatCount(result.steering)} ${result.winRates ? "pairs of answers" : "answers"} look as if they tried to steer the judge; no score was changed for it.`);
      return own.map((text2) => h("li", null, `${label}: ${text2}`));
    });
    return lines.length ? h("ul.warnings", { "aria-label": "Warnings" }, lines) : null;
  }
  function provenance(runs) {
    return h(
      "section.provenance",
      null,
      h("h2", null, "How this was made"),
      runs.filter((run) => run.records.some(({ judge }) => judge)).map((run) => h(
        "details.card",
        null,
        h("summary", null, `${run.label}: judges ${[...new Set(run.records.map((record) => record.judge))].join(", ")}; rubrics ` + [...new Set(run.records.map((record) => `${record.rubric} ${record.rubric_version}`.trim()))].join(", ")),
        h("pre", { tabindex: 0 }, JSON.stringify(run.manifest, null, 2))
      )),
      h("details.card", null, h("summary", null, "What the numbers mean"), h(
        "dl.glossary",
        null,
        h("dt", null, "intervals"),
        h("dd", null, "95 %, percentile bootstrap over items, 10,000 resamples; items with the same instruction are drawn together."),
        h("dt", null, "unscored"),
        h("dd", null, "The judge’s reply, or one value of it, could not be read under the strict rules. It counts nowhere. “Not applicable” is read, and is no number."),
        h("dt", null, "p"),
        h("dd", null, "The share of random sign flips of whole items that give a difference at least as large."),
        h("dt", null, "p, corrected"),
        h("dd", null, "p corrected by Holm’s rule for the number of comparisons: those stated together beforehand, otherwise all that the page shows."),
        h("dt", null, "decided"),
        h("dd", null, "The corrected p is below 0.05. The interval is that of one difference alone and decides nothing."),
        h("dt", null, "pairs"),
        h("dd", null, "Both orders are asked. Orders that disagree are a tie and a flip. Length-controlled: the win rate if both answers were equally long.")
      ))
    );
  }
  function shiftSection(colours) {
    if (!colours.length) return null;
    const bar = (pair) => h(
      "div.shift-bar",
      { role: "img", "aria-label": kClasses.map((kind) => `${kind} ${formatPercent(pair[kind])}`).join(", ") },
      kClasses.map((kind) => {
        const part = h(`span.part.${kind}`);
        part.style.width = `${100 * pair[kind]}%`;
        return part;
      })
    );
    return h("section", null, h("h2", null, "What would the base model have written?"), h(
      "div.card.headline",
      null,
      h("p.note", null, "Tokens of the aligned answers by their rank in the base model’s distribution: unshifted (1), marginal (2 or 3), shifted (beyond)."),
      h("div.scroll", { tabindex: 0, role: "region", "aria-label": "Shares of the classes" }, h(
        "table.scores",
        null,
        h("thead", null, h(
          "tr",
          null,
          h("th", { scope: "col" }, "Answers of"),
          h("th", { scope: "col" }, "read under"),
          h("th", { scope: "col" }, "classes"),
          [...kClasses, "KL, nats"].map((name) => h("th.number", { scope: "col" }, name))
        )),
        h("tbody", null, colours.map((pair) => h(
          "tr",
          null,
          h("th", { scope: "row" }, pair.run),
          h("td", null, pair.base),
          h("td.bar-cell", null, bar(pair)),
          kClasses.map((kind) => h("td.number", null, formatPercent(pair[kind]))),
          h("td.number", null, pair.kl === null ? "–" : pair.kl.toFixed(3))
        )))
      ))
    ));
  }
  function makeOverview(runs, { differences, colours, onCell }) {
    const scored = runs.filter((run) => run.result.aspects);
    const drawn = [];
    const keep = (part) => {
      if (!part) return null;
      drawn.push(part);
      return part.element;
    };
    const sections = [warnings(runs)];
    if (scored.length) {
      const scale = [Math.min(...scored.map((run) => run.scale[0])), Math.max(...scored.map((run) => run.scale[1]))];
      sections.push(h(
        "section",
        null,
        h("h2", null, "How good are the answers?"),
        h("div.card.headline", null, scoreTable(scored)),
        keep(scoreCharts(
          scored,
          aspectsOf2(scored),
          ({ result }, name) => result.withheld ? void 0 : result.aspects?.get(name),
          { name: "aspects", title: "Means and 95 % intervals", scale }
        ))
      ));
      const compared = differences.filter(({ aspects }) => [...aspects.values()].some(({ n }) => n > 0));
      if (compared.length) sections.push(keep(differenceTable(compared)));
      sections.push(makeHeatMap(scored, { onCell }));
    }
    sections.push(keep(pairSection(runs)), mtBenchSection(runs, (entries, categories) => keep(scoreCharts(
      entries,
      categories,
      ({ table }, name) => table.categories.get(name),
      { name: "categories", title: "Means by category", scale: kBenchScale }
    ))));
    sections.push(shiftSection(colours), agreementSection(runs), billSection(runs));
    const element = h("div.overview", null, sections, provenance(runs));
    return { title: "Overview", element, draw: () => drawn.forEach((part) => part.draw()) };
  }

  // judged/main.ts
  function subtitle(runs, items) {
    const records = runs.reduce((sum, run) => sum + run.records.filter(({ judge }) => judge).length, 0);
    return [runs.map((run) => run.label).join(" · "), h("span", null, ` — ${counted(items, "item")}, ${counted(records, "judgement")}`)];
  }
  runPage(async () => {
    const header = readJson("report-header");
    const runs = await loadRuns(header);
    const colours = await loadColours(header);
    const items = new ItemsView(runs, { shift: header.shift, shown: header.shown_runs, colours });
    const overview = makeOverview(runs, {
      differences: differencesOf(header),
      colours,
      onCell: (chosen2, facet, tag, aspect) => items.showGroup(chosen2, facet, tag, aspect)
    });
    const shell = makeShell({
      title: header.title,
      subtitle: subtitle(runs, items.items.length),
      views: /* @__PURE__ */ new Map([["overview", overview], ["items", items]])
    });
    items.onMoved = (step) => shell.moved("items", step);
  });
})();
