(() => {
  // page/blocks.js
  function readHeader() {
    return JSON.parse(document.getElementById("report-header").textContent);
  }
  function decodeBase64(text2) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text2);
    const binary = atob(text2);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < bytes.length; ++i) bytes[i] = binary.charCodeAt(i);
    return bytes;
  }
  async function readBlock(id) {
    const packed = decodeBase64(document.getElementById(id).textContent);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  }
  async function parseBlock(id) {
    return JSON.parse(new TextDecoder().decode(await readBlock(id)));
  }

  // page/dom.js
  function h(selector, properties, ...children) {
    const [tag, ...classes] = selector.split(".");
    const element = document.createElement(tag || "div");
    if (classes.length) element.className = classes.join(" ");
    for (const [name, value] of Object.entries(properties ?? {})) {
      if (value === null || value === void 0 || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name === "value" || name === "checked") element[name] = value;
      else element.setAttribute(name, value === true ? "" : String(value));
    }
    append(element, children);
    return element;
  }
  function append(element, children) {
    for (const child of children.flat(Infinity)) {
      if (child === null || child === void 0 || child === false) continue;
      element.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
    return element;
  }
  var kInvisible = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
  function codePoint(character) {
    return `‹${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}›`;
  }
  function formatCount(value) {
    return value.toLocaleString("en-US");
  }
  function formatPercent(value, digits = 1) {
    if (!Number.isFinite(value)) return "–";
    const percent2 = 100 * value;
    if (percent2 > 0 && percent2 < 0.5 * 10 ** -digits) {
      return percent2 < 1e-4 ? `${percent2.toExponential(0)} %` : `${Number(percent2.toPrecision(1))} %`;
    }
    return `${percent2.toFixed(digits)} %`;
  }
  function plainText(text2) {
    return text2.replace(kInvisible, codePoint);
  }
  function markedText(text2, wanted) {
    const plain = plainText(text2);
    const nodes = [];
    const lower = plain.toLowerCase();
    let from = 0;
    if (wanted && lower.length === plain.length) {
      for (let found; (found = lower.indexOf(wanted.toLowerCase(), from)) >= 0; from = found + wanted.length) {
        nodes.push(plain.slice(from, found), h("mark", null, plain.slice(found, found + wanted.length)));
      }
    }
    nodes.push(plain.slice(from));
    return nodes;
  }

  // page/shell.js
  var kThemes = ["auto", "light", "dark"];
  var darkSystem = matchMedia("(prefers-color-scheme: dark)");
  var chosenTheme = "auto";
  function currentTheme() {
    if (chosenTheme !== "auto") return chosenTheme;
    return darkSystem.matches ? "dark" : "light";
  }
  function applyTheme() {
    document.documentElement.dataset.theme = currentTheme();
  }
  function themeButton(onChange) {
    const change = () => {
      applyTheme();
      onChange();
    };
    const button = h("button.quiet", { type: "button", title: "Colours: as the system, light, dark", onclick: () => {
      chosenTheme = kThemes[(kThemes.indexOf(chosenTheme) + 1) % kThemes.length];
      button.textContent = `theme: ${chosenTheme}`;
      change();
    } }, "theme: auto");
    darkSystem.addEventListener("change", change);
    return button;
  }
  function wantedView(views) {
    const [name, id] = location.hash.slice(1).split("/");
    if (!(name in views)) return [Object.keys(views)[0], null];
    try {
      return [name, id ? decodeURIComponent(id) : null];
    } catch {
      return [name, null];
    }
  }
  function makeShell({ title, subtitle: subtitle2, views, titles }) {
    const names = Object.keys(views);
    const drawn = /* @__PURE__ */ new Set();
    const tabs = h("div.tabs", { role: "tablist" }, names.map((name) => h("button.tab", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `view-${name}`, onclick: () => show(name) }, titles[name])));
    tabs.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs.children[([...tabs.children].indexOf(document.activeElement) + step + names.length) % names.length];
      next.focus();
      next.click();
    });
    const panels = names.map((name) => h(
      "div.view",
      { role: "tabpanel", id: `view-${name}`, "aria-labelledby": `tab-${name}`, hidden: true },
      views[name].element
    ));
    function show(name, fresh = false) {
      names.forEach((other, i) => {
        const selected = other === name;
        panels[i].hidden = !selected;
        tabs.children[i].setAttribute("aria-selected", String(selected));
        tabs.children[i].tabIndex = selected ? 0 : -1;
      });
      if (!fresh && !drawn.has(name)) (views[name].draw ?? views[name].render).call(views[name]);
      drawn.add(name);
      scrollTo(0, 0);
      history.replaceState(null, "", `#${name}`);
    }
    function open() {
      const [name, id] = wantedView(views);
      if (id !== null) views[name].showOnly?.(id);
      show(name, id !== null && "showOnly" in views[name]);
    }
    document.title = title;
    const redraw = () => [...drawn].forEach((name) => views[name].draw?.());
    document.getElementById("app").replaceChildren(
      h(
        "header.page",
        null,
        h("div.masthead", null, h("div", null, h("h1", null, title), h("p.subtitle", null, subtitle2)), themeButton(redraw)),
        h("nav", null, tabs)
      ),
      h("main", null, panels)
    );
    addEventListener("hashchange", open);
    open();
    document.documentElement.dataset.ready = "true";
    return show;
  }
  function runPage(start) {
    applyTheme();
    start().then(() => {
      document.documentElement.dataset.complete = "true";
    }).catch((failure) => {
      document.getElementById("app").replaceChildren(h(
        "main",
        null,
        h("h1", null, "This report cannot be shown"),
        h("p", null, `${failure.message}. It needs a browser of 2023 or later (DecompressionStream).`)
      ));
      throw failure;
    });
  }

  // judged/data.js
  async function loadRuns(header) {
    return Promise.all(header.runs.map(async (run, index) => {
      const records = await parseBlock(`run-${index}-records`);
      return { ...run, index, records, highest: highestOf(records) };
    }));
  }
  async function loadColours(header) {
    return Promise.all((header.colours ?? []).map(async (colours, index) => ({ ...colours, answers: await parseBlock(`colours-${index}`) })));
  }
  var kTops = [5, 10];
  function highestOf(records) {
    let highest = 0;
    for (const { verdicts } of records) for (const verdict of Object.values(verdicts)) highest = Math.max(highest, verdict.score ?? 0);
    return kTops.find((top) => top >= highest) ?? Math.ceil(highest);
  }
  function readVerdict(verdict) {
    const kind = ["score", "preference", "labels", "not_applicable", "unscored"].find((name) => name in verdict);
    return { kind, value: verdict[kind], reason: verdict.reason ?? verdict.raw ?? "" };
  }
  function answersOf(records) {
    const columns = /* @__PURE__ */ new Map();
    for (const record of records) {
      if (record.other) continue;
      const key = record.answer.generator;
      if (!columns.has(key)) columns.set(key, { generator: key, answer: record.answer, records: [] });
      columns.get(key).records.push(record);
    }
    return [...columns.values()];
  }
  function comparisonsOf(records) {
    const comparisons = /* @__PURE__ */ new Map();
    for (const record of records) {
      if (!record.other) continue;
      const names = [record.answer.generator, record.other.generator];
      const key = JSON.stringify([[...names].sort(), record.judge, record.rubric, record.turn]);
      if (!comparisons.has(key)) comparisons.set(key, { first: record.answer, second: record.other, record, orders: [] });
      const comparison = comparisons.get(key);
      const straight = record.answer.generator === comparison.first.generator;
      const verdicts = new Map(Object.entries(record.verdicts).map(([aspect, raw]) => {
        const verdict = readVerdict(raw);
        const choice = verdict.kind !== "preference" ? null : verdict.value === "tie" ? "tie" : verdict.value === "A" === straight ? "first" : "second";
        return [aspect, { choice, reason: verdict.reason, verdict }];
      }));
      comparison.orders.push({ record, straight, verdicts });
    }
    return [...comparisons.values()];
  }
  function outcomeOf(comparison, aspect) {
    const choices = comparison.orders.map((order) => order.verdicts.get(aspect)?.choice ?? null);
    if (choices.includes(null)) return null;
    return choices.every((choice) => choice === choices[0]) ? choices[0] : "flip";
  }
  function pairItems(runs) {
    const items = /* @__PURE__ */ new Map();
    for (const run of runs) {
      for (const record of run.records) {
        const key = JSON.stringify([record.id, record.instruction]);
        if (!items.has(key)) items.set(key, newItem(record, runs.length));
        items.get(key).of[run.index].records.push(record);
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
  function newItem(record, runs) {
    const list = (value) => value === void 0 ? [] : [value].flat();
    return {
      id: record.id,
      instruction: record.instruction,
      follow_ups: list(record.follow_ups),
      references: list(record.references),
      tags: {
        task: list(record.task),
        topic: list(record.topic),
        source: list(record.dataset),
        difficulty: list(record.difficulty),
        category: list(record.category)
      },
      of: Array.from({ length: runs }, () => ({ records: [], answers: [], comparisons: [] }))
    };
  }
  function aspectNames(runs) {
    const names = /* @__PURE__ */ new Set();
    for (const run of runs) {
      for (const record of run.records) for (const name of Object.keys(record.verdicts)) names.add(name);
    }
    return [...names];
  }

  // page/card_list.js
  var kNear = "900px";
  var CardList = class {
    /** `content(item)`: the children of an item's card; `height(item)`: a guess in px; `keep(card)`: it stays filled. */
    constructor({ content, height, keep = () => false, nothing }) {
      Object.assign(this, { content, height, keep, nothing });
      this.element = h("div.answers");
      this.observer = new IntersectionObserver(
        (entries) => entries.forEach((entry) => this.onNear(entry)),
        { rootMargin: `${kNear} 0px` }
      );
    }
    show(items) {
      this.observer.disconnect();
      const cards = items.map((item) => this.makeCard(item));
      this.element.replaceChildren(...cards.length ? cards : [h("p.nothing", null, this.nothing)]);
      cards.forEach((card) => this.observer.observe(card));
    }
    makeCard(item) {
      const card = document.createElement("article");
      card.className = "card answer";
      card.item = item;
      card.style.height = `${this.height(item)}px`;
      return card;
    }
    onNear({ target: card, isIntersecting }) {
      if (isIntersecting && !card.filled) {
        card.replaceChildren(...this.content(card.item));
        card.style.height = "";
        card.filled = true;
      } else if (!isIntersecting && card.filled && !card.contains(document.activeElement) && !this.keep(card)) {
        card.style.height = `${card.offsetHeight}px`;
        card.replaceChildren();
        card.filled = false;
      }
    }
  };

  // page/run_picker.js
  function makeRunPicker(host) {
    if (host.runs.length < 2) return null;
    return h("div.pills", { role: "group", "aria-label": "Runs side by side" }, host.runs.map((run) => {
      const pill = h("button.pill", { type: "button", "aria-pressed": String(host.shownRuns.includes(run)), onclick: () => {
        const on = host.shownRuns.includes(run);
        if (on && host.shownRuns.length === 1) return;
        host.shownRuns = host.runs.filter((other) => other === run ? !on : host.shownRuns.includes(other));
        pill.setAttribute("aria-pressed", String(!on));
        host.render();
      } }, run.label);
      return pill;
    }));
  }

  // judged/item_filter.js
  var kFacets = ["task", "topic", "source", "difficulty"];
  function scoresOf(records, aspect) {
    const scores = [];
    for (const record of records) {
      for (const [name, raw] of Object.entries(record.verdicts)) {
        if ((!aspect || name === aspect) && "score" in raw) scores.push(raw.score);
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
    return [...new Set(item.of.flatMap((own) => own.records.flatMap((record) => Object.keys(record.verdicts))))];
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
  var kOrders = {
    runs: ["runs disagree most", runDisagreement, -1],
    judges: ["judges or orders disagree most", judgeDisagreement, -1],
    lowest: ["lowest scores first", everyScore, 1],
    highest: ["highest scores first", everyScore, -1],
    longest: ["longest answers first", longest, -1]
  };
  function hasSeveralJudges(items) {
    return items.some((item) => item.of.some((own) => own.comparisons.some((comparison) => comparison.orders.length > 1) || own.answers.some((column) => new Set(column.records.map((record) => record.judge)).size > 1)));
  }
  function makeConditions(runs) {
    const scores = new Set(runs.flatMap((run) => scoresOf(run.records, "")));
    const conditions = {};
    for (const score of [...scores].sort((a, b) => b - a)) conditions[`=${score}`] = [`score ${score}`, (verdict) => verdict.value === score && verdict.kind === "score"];
    if (scores.size > 2) conditions.low = ["score 2 or lower", (verdict) => verdict.kind === "score" && verdict.value <= 2];
    const kinds = new Set(runs.flatMap((run) => run.records.flatMap((record) => Object.values(record.verdicts).map((raw) => readVerdict(raw).kind))));
    if (kinds.has("preference")) {
      conditions.flip = ["flips with the order", null];
      conditions.tie = ["tie", (verdict) => verdict.kind === "preference" && verdict.value === "tie"];
    }
    if (kinds.has("not_applicable")) conditions.not_applicable = ["not applicable", (verdict) => verdict.kind === "not_applicable"];
    if (kinds.has("unscored")) conditions.unscored = ["unscored", (verdict) => verdict.kind === "unscored"];
    return conditions;
  }
  function fulfils(own, name, test, aspect) {
    if (name === "flip") {
      return own.comparisons.some((comparison) => [...comparison.orders[0].verdicts.keys()].some((other) => (!aspect || other === aspect) && outcomeOf(comparison, other) === "flip"));
    }
    return own.records.some((record) => Object.entries(record.verdicts).some(([other, raw]) => (!aspect || other === aspect) && test(readVerdict(raw))));
  }
  function mentions(item, text2, shown) {
    if (item.instruction.toLowerCase().includes(text2)) return true;
    return shown.some((run) => item.of[run.index].records.some((record) => [record.answer.output, record.other?.output ?? "", ...record.answer.follow_ups ?? [], ...Object.values(record.verdicts).map((raw) => readVerdict(raw).reason)].some((part) => part.toLowerCase().includes(text2))));
  }
  function selectItems(items, wanted, shown, conditions) {
    const text2 = wanted.text.toLowerCase();
    const chosen = items.filter((item) => {
      if (wanted.id !== null && item.id !== wanted.id) return false;
      if (kFacets.some((facet) => wanted.tags[facet] && !item.tags[facet].includes(wanted.tags[facet]))) return false;
      if (!shown.some((run) => item.of[run.index].records.length)) return false;
      if (wanted.condition) {
        const test = conditions[wanted.condition][1];
        if (!shown.some((run) => fulfils(item.of[run.index], wanted.condition, test, wanted.aspect))) return false;
      }
      return !text2 || mentions(item, text2, shown);
    });
    const order = kOrders[wanted.order];
    if (!order) return chosen;
    const [, value, direction] = order;
    const values = new Map(chosen.map((item) => {
      const of = shown.map((run) => item.of[run.index]);
      const number = value({ ...item, of }, wanted.aspect);
      return [item, Number.isNaN(number) ? Infinity : direction * number];
    }));
    return chosen.sort((a, b) => values.get(a) - values.get(b) || 0);
  }
  function facetCounts(items, facet) {
    const counts = /* @__PURE__ */ new Map();
    for (const item of items) for (const tag of item.tags[facet]) counts.set(tag, (counts.get(tag) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
  }

  // judged/items_view.js
  var kClasses = [null, "unshifted", "marginal", "shifted"];
  var kTypingMs = 150;
  function verdictBadge({ kind, value }, highest) {
    if (kind === "score") {
      const fill = h("span.fill");
      fill.style.width = `${100 * Math.max(0, Math.min(1, value / highest))}%`;
      return h("span.verdict", null, h("b", null, value), h("span.pips", { "aria-hidden": "true" }, fill));
    }
    const texts = { not_applicable: () => "not applicable", unscored: () => `unscored: ${value}`, labels: () => value.join(", "), preference: () => value };
    return h(`span.verdict.${kind}`, null, plainText(texts[kind]()));
  }
  var ItemsView = class {
    /**
     * `shift`: {address, ids}: a page of shift runs (or an empty text) and the items that it has; `shown`: runs side by
     * side at first; `colours`: of loadColours().
     */
    constructor(runs, { shift, shown, colours }) {
      this.runs = runs;
      this.shift = { ...shift, ids: new Set(shift.ids) };
      this.items = pairItems(runs);
      this.aspects = aspectNames(runs);
      this.conditions = makeConditions(runs);
      this.shownRuns = runs.slice(0, shown);
      this.colours = colours;
      this.coloured = colours[0] ?? null;
      this.wanted = { text: "", tags: {}, aspect: "", condition: "", id: null, order: "" };
      this.cards = new CardList({
        content: (item) => this.cardContent(item),
        height: (item) => this.guessHeight(item),
        nothing: "No item matches. Clear the search or the filters."
      });
      this.element = h("div.items-view", null, this.makeToolbar(), this.cards.element);
    }
    // The toolbar.
    makeToolbar() {
      this.status = h("span.status", { role: "status" });
      this.chip = h("button.chip", { type: "button", hidden: true, title: "Remove this filter", onclick: () => this.want({ id: null }) });
      this.search = h("input", {
        type: "search",
        placeholder: "Search questions, answers, reasons",
        "aria-label": "Search questions, answers, reasons",
        oninput: () => {
          clearTimeout(this.typing);
          this.typing = setTimeout(() => this.want({ text: this.search.value }), kTypingMs);
        }
      });
      this.facets = new Map(kFacets.map((facet) => [facet, this.facetPicker(facet)]).filter(([, picker]) => picker));
      this.aspectPicker = this.picker("Aspect", [["", "any aspect"], ...this.aspects.map((name) => [name, name])], (aspect) => ({ aspect }));
      this.conditionPicker = this.picker(
        "Verdict",
        [["", "any verdict"], ...Object.entries(this.conditions).map(([name, [title]]) => [name, title])],
        (condition) => ({ condition })
      );
      const orders = Object.entries(kOrders).filter(([name]) => (name !== "runs" || this.runs.length > 1) && (name !== "judges" || hasSeveralJudges(this.items)));
      this.orderPicker = this.picker("Order", [["", "in file order"], ...orders.map(([name, [title]]) => [name, title])], (order) => ({ order }));
      return h(
        "div.toolbar",
        null,
        this.search,
        [...this.facets.values()],
        this.aspectPicker,
        this.conditionPicker,
        this.orderPicker,
        this.colourPicker(),
        makeRunPicker(this),
        this.chip,
        this.status
      );
    }
    picker(label, options, change) {
      const select = h(
        "select",
        { "aria-label": label, onchange: () => this.want(change(select.value)) },
        options.map(([value, title]) => h("option", { value }, plainText(title)))
      );
      return select;
    }
    colourPicker() {
      if (!this.colours.length) return null;
      const names = this.colours.map(({ run, base }, i) => [String(i), `${run}: shift against ${base}`]);
      const select = h("select", { "aria-label": "Colours of tokens", onchange: () => {
        this.coloured = this.colours[select.value] ?? null;
        this.render();
      } }, [...names, ["", "no colours"]].map(([value, title]) => h("option", { value }, plainText(title))));
      return select;
    }
    facetPicker(facet) {
      const counts = facetCounts(this.items, facet);
      if (!counts.length) return null;
      return this.picker(
        facet,
        [["", `any ${facet}`], ...counts.map(([tag, count]) => [tag, `${tag} (${formatCount(count)})`])],
        (tag) => ({ tags: { ...this.wanted.tags, [facet]: tag } })
      );
    }
    want(change) {
      Object.assign(this.wanted, change);
      this.render();
    }
    /** One item by its id: where links lead. */
    showOnly(id) {
      this.setFilters({}, "", "", "");
      this.want({ id });
    }
    /** All items with a tag, the worst on an aspect first: where a cell of the heat map leads. */
    showGroup(facet, tag, aspect) {
      this.setFilters({ [facet]: tag }, aspect, "", "lowest");
      this.want({ id: null });
    }
    setFilters(tags, aspect, condition, order) {
      this.wanted = { ...this.wanted, text: "", tags, aspect, condition, order };
      this.search.value = "";
      for (const [facet, picker] of this.facets) picker.value = tags[facet] ?? "";
      this.aspectPicker.value = aspect;
      this.conditionPicker.value = condition;
      this.orderPicker.value = order;
    }
    render() {
      const chosen = selectItems(this.items, this.wanted, this.shownRuns, this.conditions);
      this.chip.hidden = this.wanted.id === null;
      if (this.wanted.id !== null) this.chip.textContent = `item #${plainText(this.wanted.id)} ✕`;
      this.status.textContent = chosen.length === this.items.length ? `${formatCount(chosen.length)} items` : `${formatCount(chosen.length)} of ${formatCount(this.items.length)} items`;
      this.cards.show(chosen);
    }
    // The cards.
    guessHeight(item) {
      const own = this.shownRuns.map((run) => item.of[run.index]);
      const longest2 = Math.max(0, ...own.flatMap(({ records }) => records.map((record) => record.answer.output.length)));
      return 220 + Math.min(360, longest2 / 3) + 60 * this.aspects.length;
    }
    cardContent(item) {
      const tags = ["task", "topic", "source", "difficulty"].flatMap((facet) => item.tags[facet]);
      const sections = [this.scoreSection(item), ...this.shownRuns.flatMap((run) => item.of[run.index].comparisons.map((comparison) => this.comparisonSection(run, comparison)))];
      return [
        h(
          "header",
          null,
          h("span.id", null, `#${plainText(item.id)}`),
          h("p.instruction", { dir: "auto", tabindex: 0 }, this.marked(item.instruction)),
          h("span.tag-list", null, tags.map((tag) => h("span.tag", null, plainText(tag))), this.shiftLink(item))
        ),
        item.follow_ups.map((text2) => h("p.follow-up", { dir: "auto" }, h("small", null, "then: "), this.marked(text2))),
        item.references.length ? h("details", null, h("summary", null, "reference answer"), item.references.map((text2) => h("pre", null, plainText(text2)))) : null,
        ...sections
      ].flat().filter(Boolean);
    }
    shiftLink(item) {
      if (!this.shift.ids.has(item.id)) return null;
      return h("a.shift", { href: `${this.shift.address}#answers/${encodeURIComponent(item.id)}`, rel: "noreferrer" }, "token by token →");
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
      const aspects = this.aspects.filter((aspect) => columns.some(({ records }) => records.some((record) => Object.hasOwn(record.verdicts, aspect))));
      const names = columns.map((column) => column.run.label);
      const grid = h(
        "div.verdicts",
        { role: "table", "aria-label": "Answers and verdicts" },
        this.gridRow("head", "", names, columns.map((column) => this.answerHead(column))),
        this.gridRow("answers-row", "answer", names, columns.map((column) => this.answerText(column.answer, this.colouredText(column.run, item)))),
        aspects.map((aspect) => this.gridRow("aspect-row", aspect, names, columns.map((column) => this.aspectCell(column, aspect)))),
        this.gridRow("raw-row", "", names, columns.map(({ records }) => records.map((record) => this.rawReply(record, records.length > 1 ? `${record.judge}, turn ${record.turn}` : ""))))
      );
      grid.style.setProperty("--columns", columns.length);
      return grid;
    }
    /** `names`: of the columns, shown where they stand one under the other for want of room. */
    gridRow(kind, title, names, cells) {
      return h(
        `div.row.${kind}`,
        { role: "row" },
        h("div.row-title", { role: "rowheader" }, plainText(title)),
        cells.map((cell, i) => h("div.cell", { role: "cell", "data-of": plainText(names[i]) }, cell))
      );
    }
    answerHead({ run, generator, records }) {
      if (!records.length) return [h("h3", null, run.label), h("p.note", null, "This run has no such item.")];
      const judges = [...new Set(records.map((record) => record.judge).filter(Boolean))];
      const by = judges.length ? `judged by ${judges.join(", ")}` : "not judged";
      const several = this.runs.length > 1;
      return [
        h("h3", null, plainText(several ? run.label : generator || run.label)),
        h("small", null, plainText(`${several && generator && generator !== run.label ? `${generator} · ` : ""}${by}`))
      ];
    }
    /** The pieces of the run's answer by their class, where it is the one that is coloured. */
    colouredText(run, item) {
      const { coloured } = this;
      return coloured && coloured.run === run.label ? coloured.answers[item.id] : void 0;
    }
    answerText(answer, pieces) {
      if (!answer) return null;
      const content = (text2) => text2 === "" ? h("span.note", null, "(empty)") : this.marked(text2);
      const box = (text2, parts) => h(
        "div.answer-text",
        { dir: "auto", tabindex: 0 },
        parts ? parts.map(([found, part]) => h(`span.t.${kClasses[found]}`, null, this.marked(part))) : content(text2)
      );
      return [box(answer.output, pieces), (answer.follow_ups ?? []).map((text2) => [h("small", null, "second turn"), box(text2)])];
    }
    aspectCell({ run, records }, aspect) {
      const entries = records.filter((record) => Object.hasOwn(record.verdicts, aspect));
      const judges = new Set(entries.map((record) => record.judge)).size > 1;
      const turns = new Set(entries.map((record) => record.turn)).size > 1;
      return entries.map((record) => {
        const verdict = readVerdict(record.verdicts[aspect]);
        const about = [judges ? record.judge : "", turns ? `turn ${record.turn}` : ""].filter(Boolean).join(", ");
        return h(
          "div.reading",
          null,
          verdictBadge(verdict, run.highest),
          about ? h("small", null, plainText(about)) : null,
          h("span.reason", { dir: "auto" }, this.marked(verdict.reason))
        );
      });
    }
    /** `about`: which of several replies it is. */
    rawReply(record, about = "") {
      const steering = record.steering?.length ? h("p.steering", null, `The answer looks like an attempt to steer the judge: ${record.steering.join(", ")}.`) : null;
      return [steering, h(
        "details",
        null,
        h("summary", null, "raw reply", h("small", null, ` ${plainText([about, record.rubric].filter(Boolean).join(", "))}${record.attempts > 1 ? `, ${record.attempts} requests` : ""}`)),
        h("pre", null, record.reply === "" ? "(none kept)" : plainText(record.reply))
      )];
    }
    /** Two answers, and per aspect what was preferred in each order. */
    comparisonSection(run, comparison) {
      const { first, second, orders, record } = comparison;
      const names = [first.generator || "A", second.generator || "B"];
      const head = (name, answer) => [h("h3", null, plainText(name)), h("small", null, `${formatCount(answer.output.length)} characters`)];
      const grid = h(
        "div.verdicts.pair",
        { role: "table", "aria-label": "Comparison of two answers" },
        this.gridRow("head", "", names, [head(names[0], first), head(names[1], second)]),
        this.gridRow("answers-row", "answer", names, [this.answerText(first), this.answerText(second)]),
        [...orders[0].verdicts.keys()].map((aspect) => this.choiceRow(aspect, comparison, names)),
        this.gridRow("raw-row", "", names, orders.map((order) => this.rawReply(order.record, `${names[order.straight ? 0 : 1]} first`)))
      );
      grid.style.setProperty("--columns", 2);
      return h("section", null, h("p.meta", null, plainText(`${run.label} · judged by ${record.judge} · ${orders.length > 1 ? "both orders" : "one order"}`)), grid);
    }
    choiceRow(aspect, comparison, names) {
      const outcome = outcomeOf(comparison, aspect);
      const titles = { first: names[0], second: names[1], tie: "tie", flip: "tie: flips with the order" };
      const winner = outcome === null ? "unscored" : titles[outcome];
      const readings = comparison.orders.map((order) => {
        const { choice, reason, verdict } = order.verdicts.get(aspect) ?? { choice: null, reason: "", verdict: { value: "missing" } };
        const said = choice === null ? `unscored: ${verdict.value}` : titles[choice];
        return h(
          "div.reading",
          null,
          h("small", null, plainText(`${names[order.straight ? 0 : 1]} first: ${said}`)),
          h("span.reason", { dir: "auto" }, this.marked(reason))
        );
      });
      return h(
        "div.row.aspect-row.wide",
        { role: "row" },
        h("div.row-title", { role: "rowheader" }, plainText(aspect)),
        h("div.cell", { role: "cell" }, h(`span.verdict.${outcome ?? "unscored"}`, null, plainText(winner)), readings)
      );
    }
  };

  // page/chart_card.js
  var tip = null;
  function showTip(event, item, value) {
    tip ??= document.body.appendChild(h("div.chart-tip", { role: "status", hidden: true }));
    tip.hidden = !value;
    if (!value) return;
    tip.textContent = String(value);
    const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(8, x)}px`;
    tip.style.top = `${Math.max(8, event.clientY - tip.offsetHeight - 10)}px`;
  }
  function download(name, type, content) {
    const address = URL.createObjectURL(new Blob([content], { type }));
    h("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1e3);
  }
  function chartCard(title, name, svgText) {
    const holder = h("div.chart");
    const card = h("figure.card", null, h("figcaption", null, title), holder);
    const save = h("button.quiet", { type: "button", title: "Save this chart as an SVG file", onclick: async () => {
      download(`${name}.svg`, "image/svg+xml", await svgText());
    } }, "SVG");
    card.firstChild.append(save);
    return { card, holder };
  }

  // page/palette.js
  var kRunColours = {
    light: ["#0b6e8a", "#8a4fb0", "#6b6b00", "#b0457a", "#3d5a80", "#5c4033"],
    dark: ["#4cc2de", "#c79ae6", "#c8c84a", "#f08cb8", "#9cb8dd", "#c9a58a"]
  };
  var kDashes = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [10, 4], [3, 5]];
  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  }

  // judged/svg.js
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
      "aria-label": description,
      "font-family": "system-ui, sans-serif",
      "font-size": 12.5,
      fill: colour("ink")
    }, ...children);
  }
  function withTip(element, text2) {
    element.addEventListener("pointerenter", (event) => showTip(event, null, text2));
    element.addEventListener("pointerleave", (event) => showTip(event, null, null));
    return element;
  }
  function line(x1, y1, x2, y2, stroke, width = 1, dash = null) {
    return s("line", { x1, y1, x2, y2, stroke, "stroke-width": width, "stroke-dasharray": dash, "stroke-linecap": "round" });
  }
  function text(x, y, anchor, content, fill = colour("ink")) {
    return s("text", { x, y, "text-anchor": anchor, fill }, content);
  }
  var kShapes = [
    (x, y, r) => `M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`,
    (x, y, r) => `M${x - r},${y - r}h${2 * r}v${2 * r}h${-2 * r}Z`,
    (x, y, r) => `M${x},${y - 1.25 * r}l${1.2 * r},${2.1 * r}h${-2.4 * r}Z`,
    (x, y, r) => `M${x},${y - 1.35 * r}l${1.35 * r},${1.35 * r}l${-1.35 * r},${1.35 * r}l${-1.35 * r},${-1.35 * r}Z`,
    (x, y, r) => `M${x},${y + 1.25 * r}l${1.2 * r},${-2.1 * r}h${-2.4 * r}Z`,
    (x, y, r) => `M${x - r},${y - r / 3}h${2 * r}v${r * 0.66}h${-2 * r}Z`
  ];
  function mark(x, y, index, fill, radius = 4) {
    return s("path", { d: kShapes[index % kShapes.length](x, y, radius), fill, stroke: colour("surface"), "stroke-width": 1 });
  }
  function legend(x, y, entries) {
    return entries.map(({ label, index, fill, dash }, i) => [
      line(x, y + 20 * i, x + 30, y + 20 * i, fill, 2, dash),
      mark(x + 15, y + 20 * i, index, fill),
      text(x + 38, y + 20 * i + 4, "start", label.length > 34 ? `${label.slice(0, 33)}…` : label)
    ]);
  }

  // judged/charts.js
  function look(series, theme) {
    return { ...series, fill: kRunColours[theme][series.index % 6], dash: kDashes[series.index % 6].join(" ") };
  }
  function ticks(low, high) {
    const step = high - low > 6 ? 2 : 1;
    return Array.from({ length: Math.floor((high - low) / step) + 1 }, (_, i) => high - i * step).reverse();
  }
  function radar(axes, allSeries, { low, high, theme }) {
    const styled = allSeries.map((series) => look(series, theme));
    const [width, radius, middleX, middleY] = [560, 128, 280, 168];
    const angle = (i) => -Math.PI / 2 + 2 * Math.PI * i / axes.length;
    const at = (i, value) => {
      const r = radius * (value - low) / (high - low);
      return [middleX + r * Math.cos(angle(i)), middleY + r * Math.sin(angle(i))];
    };
    const ring = (value) => axes.map((_, i) => at(i, value).map((x) => x.toFixed(1)).join(",")).join(" ");
    const grid = ticks(low, high).slice(1).map((value) => s("polygon", { points: ring(value), fill: "none", stroke: colour("line") }));
    const spokes = axes.map((_, i) => line(middleX, middleY, ...at(i, high), colour("line")));
    const numbers = ticks(low, high).map((value) => text(middleX - 6, middleY - radius * (value - low) / (high - low) + 4, "end", value, colour("muted")));
    const names = axes.map((name, i) => {
      const [x, y] = [middleX + (radius + 16) * Math.cos(angle(i)), middleY + (radius + 14) * Math.sin(angle(i))];
      return text(x, y + 4, Math.abs(x - middleX) < 8 ? "middle" : x > middleX ? "start" : "end", name);
    });
    const placed = styled.map((series) => ({ ...series, points: series.values.flatMap((value, i) => value ? [{ value, i, place: at(i, value.mean) }] : []) }));
    const areas = placed.map(({ points, fill, dash }) => s("polygon", {
      points: points.map(({ place }) => place.map((x) => x.toFixed(1)).join(",")).join(" "),
      fill,
      "fill-opacity": 0.07,
      stroke: fill,
      "stroke-width": 2,
      "stroke-dasharray": dash,
      "stroke-linejoin": "round"
    }));
    const intervals = placed.map(({ points, fill }) => points.map(({ value, i }) => value.ci95 ? line(...at(i, value.ci95[0]), ...at(i, value.ci95[1]), fill, 3.5) : null));
    const marks = placed.map(({ points, index, fill }) => points.map(({ value, place }) => withTip(mark(...place, index, fill, 4.5), value.tip)));
    const height = 330 + 20 * styled.length;
    return chart(
      width,
      height,
      describe("Radar", axes, styled),
      grid,
      spokes,
      numbers,
      names,
      areas,
      intervals,
      marks,
      legend(middleX - 120, 344, styled)
    );
  }
  function bars(axes, allSeries, { low, high, theme }) {
    const styled = allSeries.map((series) => look(series, theme));
    const [width, left, top, plot] = [760, 34, 14, 296];
    const group = (width - left - 8) / axes.length;
    const bar = Math.min(46, group * 0.78 / styled.length);
    const y = (value) => top + plot * (1 - (value - low) / (high - low));
    const grid = ticks(low, high).map((value) => [
      line(left, y(value), width - 8, y(value), colour("line")),
      text(left - 8, y(value) + 4, "end", value, colour("muted"))
    ]);
    const groups = axes.map((name, a) => {
      const middle = left + group * (a + 0.5);
      return [text(middle, top + plot + 20, "middle", name), styled.map(({ values, fill, index }, i) => {
        const value = values[a];
        if (!value) return null;
        const x = middle + (i - styled.length / 2) * bar;
        const centre = x + bar / 2;
        return withTip(s(
          "g",
          null,
          s("rect", { x: x + 1, y: y(value.mean), width: bar - 2, height: Math.max(0, y(low) - y(value.mean)), rx: 2, fill, "fill-opacity": 0.82 }),
          value.ci95 ? [
            line(centre, y(value.ci95[0]), centre, y(value.ci95[1]), colour("ink"), 1.6),
            value.ci95.map((end) => line(centre - 4, y(end), centre + 4, y(end), colour("ink"), 1.6))
          ] : null,
          styled.length > 1 ? mark(centre, y(low) - 9, index, colour("surface"), 3.5) : null
        ), value.tip);
      })];
    });
    const single = styled.length === 1;
    return chart(
      width,
      340 + (single ? 0 : 20 * styled.length + 8),
      describe("Bars", axes, styled),
      grid,
      groups,
      single ? null : legend(left, 356, styled)
    );
  }
  function differenceLine(difference, reach) {
    const [width, height] = [480, 26];
    const x = (value) => width / 2 + (width / 2 - 8) * Math.max(-1, Math.min(1, value / reach));
    const [low, high] = difference.ci95 ?? [difference.mean, difference.mean];
    const decided = low > 0 || high < 0;
    const fill = decided ? colour("accent") : colour("muted");
    return chart(
      width,
      height,
      `${difference.mean.toFixed(2)}, 95 % interval ${low.toFixed(2)} to ${high.toFixed(2)}`,
      line(0, height / 2, width, height / 2, colour("line")),
      line(width / 2, 2, width / 2, height - 2, colour("muted"), 1, "2 3"),
      line(x(low), height / 2, x(high), height / 2, fill, 4),
      mark(x(difference.mean), height / 2, decided ? 0 : 3, fill, 5)
    );
  }
  function describe(kind, axes, series) {
    return `${kind}: ` + series.map(({ label, values }) => `${label}: ${axes.map((name, i) => `${name} ${values[i] ? values[i].mean.toFixed(2) : "none"}`).join(", ")}`).join("; ");
  }

  // judged/numbers.js
  function decimal(value, digits = 2) {
    return value === null || value === void 0 ? "–" : value.toFixed(digits);
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
  function scoresTable(texts, numbers, rows) {
    return h("div.scroll", { tabindex: 0 }, h(
      "table.scores",
      null,
      h("thead", null, h(
        "tr",
        null,
        texts.map((name) => h("th", { scope: "col" }, name)),
        numbers.map((name) => h("th.number", { scope: "col" }, plainText(name)))
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

  // judged/heat_map.js
  var kBreakdowns = [["task", "task"], ["topic", "topic"], ["source", "source"], ["difficulty", "difficulty"]];
  var kFewItems = 10;
  function rangeOf(runs, breakdown) {
    const means = runs.flatMap(({ result }) => result.withheld ? [] : Object.values(result[breakdown]).flatMap((group) => Object.values(group).map((cell) => cell?.mean))).filter((mean2) => typeof mean2 === "number");
    if (!means.length) return [0, 1];
    const low = Math.floor(2 * Math.min(...means)) / 2;
    return [low, Math.max(low + 0.5, Math.ceil(2 * Math.max(...means)) / 2)];
  }
  function cellOf(cell, { withheld, low, high, label, onClick }) {
    if (!cell) return h("td.heat.empty", null, "");
    if (withheld) return h("td.heat.empty", null, h("i.withheld", null, "withheld"));
    if (cell.mean === null) return h("td.heat.empty", { title: "No verdict here is a number" }, "–");
    const share = (cell.mean - low) / (high - low);
    const interval = cell.ci95 ? `, 95 %: ${decimal(cell.ci95[0])} to ${decimal(cell.ci95[1])}` : "";
    const button = h(
      "button",
      { type: "button", title: `${label}: ${decimal(cell.mean)}${interval}, ${formatCount(cell.n)} answers; click for the items`, onclick: onClick },
      decimal(cell.mean),
      h("small", null, cell.ci95 ? `±${decimal((cell.ci95[1] - cell.ci95[0]) / 2)}` : "")
    );
    const element = h(`td.heat${cell.n < kFewItems ? ".few" : ""}`, null, button);
    element.style.setProperty("--heat", share.toFixed(3));
    return element;
  }
  function legendOf([low, high]) {
    const ramp = h("span.ramp", { "aria-hidden": "true" });
    return h(
      "span.heat-legend",
      null,
      decimal(low, 1),
      ramp,
      decimal(high, 1),
      h("small", null, ` ± half of the 95 % interval; in italics: fewer than ${kFewItems} answers`)
    );
  }
  function makeHeatMap(runs, { onCell }) {
    const breakdowns = kBreakdowns.filter(([name]) => runs.some(({ result }) => Object.keys(result[name]).length));
    if (!breakdowns.length) return null;
    const state = { breakdown: breakdowns[0][0], run: runs[0] };
    const holder = h("div.scroll", { tabindex: 0 });
    const legend2 = h("div.toolbar-note");
    function pillsOf(label, entries, isChosen, choose) {
      const group = h("div.pills", { role: "group", "aria-label": label }, entries.map(([value, title]) => {
        const pill = h("button.pill", { type: "button", "aria-pressed": String(isChosen(value)), onclick: () => {
          choose(value);
          [...group.children].forEach((other) => other.setAttribute("aria-pressed", String(other === pill)));
          render();
        } }, plainText(title));
        return pill;
      }));
      return group;
    }
    function render() {
      const { run: { result }, breakdown } = state;
      const groups = Object.entries(result[breakdown]);
      const aspects = [...new Set(groups.flatMap(([, group]) => Object.keys(group).filter((name) => name !== "n")))];
      const range = rangeOf(runs, breakdown);
      legend2.replaceChildren(legendOf(range));
      holder.replaceChildren(groups.length ? h(
        "table.heat-map",
        null,
        h("thead", null, h(
          "tr",
          null,
          h("th", { scope: "col" }, breakdown),
          h("th.number", { scope: "col", title: "judgements" }, "n"),
          aspects.map((aspect) => h("th", { scope: "col" }, plainText(aspect)))
        )),
        h("tbody", null, groups.map(([tag, group]) => h(
          "tr",
          null,
          h("th", { scope: "row" }, plainText(tag)),
          h("td.number", null, formatCount(group.n)),
          aspects.map((aspect) => cellOf(group[aspect], {
            withheld: result.withheld,
            low: range[0],
            high: range[1],
            label: plainText(`${tag}, ${aspect}`),
            onClick: () => onCell(breakdown, tag, aspect)
          }))
        )))
      ) : h("p.nothing", null, "This run has no such tags."));
    }
    render();
    return h(
      "section",
      null,
      h("h2", null, "Where are they strong and weak?"),
      h("div.card.headline", null, h(
        "div.choices",
        null,
        pillsOf("Breakdown", breakdowns, (name) => name === state.breakdown, (name) => {
          state.breakdown = name;
        }),
        runs.length > 1 ? pillsOf("Run", runs.map((run) => [run, run.label]), (run) => run === state.run, (run) => {
          state.run = run;
        }) : null,
        legend2
      ), holder)
    );
  }

  // judged/other_tables.js
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
      h("th", { scope: "row" }, plainText(generator)),
      h("td", null, plainText(aspect)),
      h("td.bar-cell", null, outcomeBar(rate)),
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
  function pairTable(result) {
    const rates = Object.entries(result.win_rates);
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
        ["win rate", "length-controlled", "flips", "unscored"].map((name) => h("th.number", { scope: "col" }, name))
      )),
      h("tbody", null, shown.flatMap(([generator, aspects]) => Object.entries(aspects).map(([aspect, rate]) => pairRow(generator, aspect, rate))))
    );
  }
  function pairSection(runs) {
    const paired = runs.filter((run) => run.result.win_rates);
    if (!paired.length) return null;
    return h("section", null, h("h2", null, "Which answer is preferred?"), paired.map((run) => {
      const names = Object.keys(run.result.win_rates);
      return h(
        "div.card.headline",
        null,
        h("h3", null, plainText(run.label)),
        names.length === 2 ? h("p.note", null, plainText(`${names[0]} against ${names[1]}`)) : null,
        h("div.scroll", { tabindex: 0 }, pairTable(run.result))
      );
    }));
  }
  function agreementSection(runs) {
    const rows = runs.flatMap(({ label, result }) => Object.entries(result.agreement ?? {}).map(([aspect, { raters, units, alpha, exact }], i, all) => h(
      "tr",
      null,
      i === 0 ? h("th", { scope: "rowgroup", rowspan: all.length }, plainText(label)) : null,
      h("th.aspect", { scope: "row" }, plainText(aspect)),
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
      scoresTable(["Run", "aspect"], ["judges", "items", "alpha", "exact"], rows)
    ));
  }
  function costText({ unpriced, cost_usd: cost }) {
    if (unpriced > 0 && cost === 0) return "not known (no price)";
    return `${unpriced > 0 ? "at least " : ""}${cost.toFixed(4)} USD`;
  }
  function billSection(runs) {
    const billed = runs.filter(({ result }) => result.bill);
    if (!billed.length) return null;
    const rows = billed.map(({ label, result: { bill } }) => h(
      "tr",
      null,
      h("th", { scope: "row" }, plainText(label)),
      [bill.attempts, bill.failed, bill.prompt_tokens, bill.completion_tokens].map((count) => h("td.number", null, formatCount(count))),
      h("td.number", null, costText(bill))
    ));
    return h("section", null, h("h2", null, "What did it cost?"), h(
      "div.card.headline",
      null,
      scoresTable(["Run"], ["requests", "failed", "prompt tokens", "completion tokens", "cost"], rows)
    ));
  }
  function mtBenchSection(runs, chartsOf) {
    const benched = runs.filter((run) => run.result.mt_bench);
    const entries = benched.flatMap((run) => Object.entries(run.result.mt_bench).map(([generator, table]) => ({
      label: benched.length > 1 ? `${run.label} · ${generator}` : generator,
      table
    })));
    if (!entries.length) return null;
    const categories = [...new Set(entries.flatMap(({ table }) => Object.keys(table.categories ?? {})))];
    for (const { table } of entries) {
      table.categories ??= {};
      table.categories_ci95 ??= {};
    }
    const rows = entries.map(({ label, table }) => h(
      "tr",
      null,
      h("th", { scope: "row" }, plainText(label)),
      ["turn_1", "turn_2", "overall"].map((name) => estimateCell(table[name], table[`${name}_ci95`])),
      categories.map((name) => estimateCell(table.categories[name], table.categories_ci95[name])),
      h("td.number", null, formatCount(table.unscored))
    ));
    return h(
      "section",
      null,
      h("h2", null, "MT-bench"),
      h("div.card.headline", null, scoresTable(["Answers"], ["turn 1", "turn 2", "overall", ...categories, "unscored"], rows)),
      categories.length ? chartsOf(entries, categories) : null
    );
  }

  // judged/overview.js
  var kFewestAxes = 3;
  var kLowest = 1;
  function aspectsOf2(runs) {
    return [...new Set(runs.flatMap((run) => Object.keys(run.result.aspects)))];
  }
  function scoreTable(runs) {
    const aspects = aspectsOf2(runs);
    const rows = runs.map(({ label, result }) => h(
      "tr",
      null,
      h("th", { scope: "row" }, plainText(label), h("small", null, `${formatCount(result.records)} judgements`)),
      aspects.map((aspect) => measureCell(result.aspects[aspect], result.withheld)),
      measureCell({ mean: result.avg, ci95: result.avg_ci95 }, result.withheld),
      h("td.number", null, decimal(result.len, 0)),
      h(
        "td.number",
        { title: `${result.refused} of them refused by the judge` },
        `${formatCount(result.unscored)}`,
        h("small", null, `of ${formatCount(result.verdicts)}`)
      )
    ));
    return scoresTable(["Run"], [...aspects, "average", "words", "unscored"], rows);
  }
  function tipOf(label, name, { mean: mean2, ci95, n }) {
    return `${label} · ${name}
${mean2.toFixed(2)}${ci95 ? `, 95 %: ${ci95[0].toFixed(2)} to ${ci95[1].toFixed(2)}` : ""}${n ? `
${formatCount(n)} answers` : ""}`;
  }
  function seriesOf(runs, names, valueOf) {
    return runs.map((run, i) => ({ label: plainText(run.label), index: run.index ?? i, values: names.map((name) => {
      const value = valueOf(run, name);
      return value && value.mean !== null ? { ...value, tip: plainText(tipOf(run.label, name, value)) } : null;
    }) })).filter(({ values }) => values.some(Boolean));
  }
  function scoreCharts(runs, axes, valueOf, { name, title, high }) {
    const series = seriesOf(runs, axes, valueOf);
    if (!series.length) return null;
    const drawn = [];
    const add = (title2, kind, make) => {
      const { card, holder } = chartCard(title2, `${kind}-${name}`, () => new XMLSerializer().serializeToString(holder.firstChild));
      drawn.push((theme) => holder.replaceChildren(make(axes, series, { low: kLowest, high, theme })));
      return card;
    };
    const element = h(
      "div.charts.scores-charts",
      null,
      axes.length >= kFewestAxes ? add("Profile", "radar", radar) : null,
      add(title, "bars", bars)
    );
    return { element, draw: (theme) => drawn.forEach((draw) => draw(theme)) };
  }
  function formatP(value) {
    if (value === void 0 || value === null) return "–";
    return value < 1e-3 ? "< 0.001" : value.toFixed(3);
  }
  function differenceTable(differences) {
    const all = differences.flatMap(({ aspects }) => Object.values(aspects)).filter(({ mean: mean2 }) => mean2 !== null);
    const reach = Math.max(0.1, ...all.flatMap(({ mean: mean2, ci95 }) => [mean2, ...ci95 ?? []].map(Math.abs)));
    const isCorrected = all.some(({ p_holm: corrected }) => corrected !== void 0);
    const body = h("tbody");
    const draw = () => body.replaceChildren(...differences.flatMap(({ run, against, aspects }) => Object.entries(aspects).filter(([, difference]) => difference.mean !== null).map(([aspect, difference], i, rows) => h(
      "tr",
      null,
      i === 0 ? h("th", { scope: "rowgroup", rowspan: rows.length }, plainText(run), h("small", null, plainText(`minus ${against}`))) : null,
      h("th.aspect", { scope: "row" }, plainText(aspect)),
      h("td.line", null, differenceLine(difference, reach)),
      h(
        "td.number",
        null,
        h("b", null, `${difference.mean > 0 ? "+" : ""}${difference.mean.toFixed(2)}`),
        difference.ci95 ? h("small", null, `${decimal(difference.ci95[0])} to ${decimal(difference.ci95[1])}`) : null
      ),
      h("td.number", null, formatP(difference.p_value)),
      isCorrected ? h("td.number", null, formatP(difference.p_holm)) : null,
      h("td.number", null, formatCount(difference.n)),
      h("td.number", null, formatCount(difference.unpaired))
    ))));
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
          "Paired by item, over the items that both runs scored. An interval that crosses the dotted zero means that the data do not ",
          "say which is better. ",
          isCorrected ? "p (Holm) is corrected for the number of comparisons, which were all stated beforehand." : "With several aspects, one in twenty looks decided by chance at p = 0.05."
        ),
        h("div.scroll", { tabindex: 0 }, h("table.differences", null, h("thead", null, h(
          "tr",
          null,
          h("th", { scope: "col" }, "Runs"),
          h("th", { scope: "col" }, "aspect"),
          h("th", { scope: "col" }, ""),
          ["difference", "p", ...isCorrected ? ["p (Holm)"] : [], "items", "unpaired"].map((name) => h("th.number", { scope: "col" }, name))
        )), body))
      )
    );
    return { element, draw };
  }
  function warnings(runs) {
    const lines = [];
    for (const { label, result } of runs) {
      const say = (text2) => lines.push(h("li", null, plainText(`${label}: ${text2}`)));
      if (result.report) say("counted as the original authors did: “N/A” is 5.0, an item counts for its last tag, breakdowns look at helpfulness alone.");
      if (result.withheld) {
        say("more than 5 % of the verdicts of an aspect could not be read: no means are shown. --allow-unscored shows them.");
      } else if (result.unscored) {
        say(`${formatCount(result.unscored)} of ${formatCount(result.verdicts)} verdicts could not be read (${formatCount(result.refused)} refusals); means leave them out.`);
      }
      if (Object.values({ ...Object.values(result.win_rates ?? {})[0], ...result.mt_bench }).some(({ withheld }) => withheld)) {
        say("more than 5 % of the verdicts could not be read: no rates and means are shown. --allow-unscored shows them.");
      }
      if (result.steering) say(`${formatCount(result.steering)} ${result.win_rates ? "pairs of answers" : "answers"} look as if they tried to steer the judge; no score was changed for it.`);
    }
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
        h("summary", null, plainText(`${run.label}: judges ${[...new Set(run.records.map((record) => record.judge))].join(", ")}; rubrics ` + [...new Set(run.records.map((record) => `${record.rubric} ${record.rubric_version ?? ""}`.trim()))].join(", "))),
        h("pre", null, plainText(JSON.stringify(run.manifest, null, 2)))
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
        h("dt", null, "p (Holm)"),
        h("dd", null, "p corrected by Holm’s rule for the number of comparisons that were stated together beforehand."),
        h("dt", null, "pairs"),
        h("dd", null, "Both orders are asked. Orders that disagree are a tie and a flip. Length-controlled: the win rate if both answers were equally long.")
      ))
    );
  }
  function shiftSection(colours) {
    if (!colours.length) return null;
    const kinds = ["unshifted", "marginal", "shifted"];
    const bar = (pair) => h(
      "div.shift-bar",
      { role: "img", "aria-label": kinds.map((kind) => `${kind} ${formatPercent(pair[kind])}`).join(", ") },
      kinds.map((kind) => {
        const part = h(`span.part.${kind}`);
        part.style.width = `${100 * pair[kind]}%`;
        return part;
      })
    );
    return h("section", null, h("h2", null, "What would the base model have written?"), h(
      "div.card.headline",
      null,
      h("p.note", null, "Tokens of the aligned answers by their rank in the base model’s distribution: unshifted (1), marginal (2 or 3), shifted (beyond)."),
      h("div.scroll", { tabindex: 0 }, h(
        "table.scores",
        null,
        h("thead", null, h(
          "tr",
          null,
          h("th", { scope: "col" }, "Answers of"),
          h("th", { scope: "col" }, "read under"),
          h("th", { scope: "col" }, ""),
          [...kinds, "KL, nats"].map((name) => h("th.number", { scope: "col" }, name))
        )),
        h("tbody", null, colours.map((pair) => h(
          "tr",
          null,
          h("th", { scope: "row" }, plainText(pair.run)),
          h("td", null, plainText(pair.base)),
          h("td.bar-cell", null, bar(pair)),
          kinds.map((kind) => h("td.number", null, formatPercent(pair[kind]))),
          h("td.number", null, pair.kl === null ? "–" : pair.kl.toFixed(3))
        )))
      ))
    ));
  }
  function makeOverview(runs, { differences, colours, theme, onCell }) {
    const scored = runs.filter((run) => run.result.aspects);
    const drawn = [];
    const keep = (part) => {
      if (!part) return null;
      drawn.push(part.draw);
      return part.element;
    };
    const sections = [warnings(runs)];
    if (scored.length) {
      const aspects = aspectsOf2(scored);
      sections.push(h(
        "section",
        null,
        h("h2", null, "How good are the answers?"),
        h("div.card.headline", null, scoreTable(scored)),
        keep(scoreCharts(
          scored,
          aspects,
          ({ result }, name) => result.withheld ? void 0 : result.aspects[name],
          { name: "aspects", title: "Means and 95 % intervals", high: Math.max(...scored.map((run) => run.highest)) }
        ))
      ));
      const decided = differences.filter(({ aspects: of }) => Object.values(of).some(({ n }) => n > 0));
      if (decided.length) sections.push(keep(differenceTable(decided)));
      sections.push(makeHeatMap(scored, { onCell }));
    }
    sections.push(pairSection(runs), mtBenchSection(runs, (entries, categories) => keep(scoreCharts(
      entries,
      categories,
      ({ table }, name) => table.categories[name] === void 0 ? void 0 : { mean: table.categories[name], ci95: table.categories_ci95[name] },
      { name: "categories", title: "Means by category", high: 10 }
    ))));
    sections.push(shiftSection(colours), agreementSection(runs), billSection(runs));
    const element = h("div.overview", null, sections, provenance(runs));
    return { element, draw: () => drawn.forEach((draw) => draw(theme())) };
  }

  // judged/main.js
  function subtitle(runs, items) {
    const records = runs.reduce((sum, run) => sum + run.records.filter(({ judge }) => judge).length, 0);
    return [
      plainText(runs.map((run) => run.label).join(" · ")),
      h("span", null, ` — ${formatCount(items)} items, ${formatCount(records)} judgements`)
    ];
  }
  runPage(async () => {
    const header = readHeader();
    const runs = await loadRuns(header);
    const colours = await loadColours(header);
    const items = new ItemsView(runs, { shift: header.shift, shown: header.shown_runs, colours });
    const overview = makeOverview(runs, {
      differences: header.differences,
      colours,
      theme: currentTheme,
      onCell: (facet, tag, aspect) => {
        items.showGroup(facet, tag, aspect);
        show("items", true);
      }
    });
    const show = makeShell({
      title: header.title,
      subtitle: subtitle(runs, items.items.length),
      views: { overview, items },
      titles: { overview: "Overview", items: "Items" }
    });
  });
})();
