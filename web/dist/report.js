(() => {
  // page/blocks.js
  function readHeader() {
    return JSON.parse(document.getElementById("report-header").textContent);
  }
  function decodeBase64(text) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const binary = atob(text);
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
  function visibleToken(text) {
    if (text === "") return "∅";
    return text.replace(/^ +| +$/g, (spaces) => "␣".repeat(spaces.length)).replace(/\n/g, "↵").replace(/\t/g, "⇥").replace(kInvisible, codePoint);
  }
  function runningToken(text) {
    return text.replace(/\n/g, "↵\n").replace(kInvisible, codePoint);
  }
  function formatCount(value) {
    return value.toLocaleString("en-US");
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
    if (!Number.isFinite(value)) return "–";
    if (value !== 0 && Math.abs(value) < 0.5 * 10 ** -digits) return value.toExponential(1);
    return value.toFixed(digits);
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

  // report/data.js
  var kClassNames = ["unshifted", "marginal", "shifted"];
  function classOf(rank) {
    return rank <= 1 ? 0 : rank <= 3 ? 1 : 2;
  }
  var kUnknownRank = 4294967295;
  var kLogprobStep = 1 / 1024;
  var kAbsent = 65535;
  function cutColumns(buffer, layout) {
    const columns = {};
    let offset = 0;
    for (const [name, type, length] of layout) {
      const Type = { u32: Uint32Array, f32: Float32Array, u16: Uint16Array }[type];
      columns[name] = new Type(buffer, offset, length);
      offset += length * Type.BYTES_PER_ELEMENT;
    }
    return columns;
  }
  var Run = class {
    constructor(index, header, texts, columns) {
      this.index = index;
      this.header = header;
      this.label = header.label;
      this.tokens = texts.tokens;
      this.tokenIds = texts.token_ids;
      this.columns = columns;
      this.answers = texts.answers;
      this.byId = /* @__PURE__ */ new Map();
      let start = 0;
      this.answers.forEach((answer, i) => {
        answer.index = i;
        answer.start = start;
        answer.length = columns.lengths[i];
        start += answer.length;
        this.byId.set(answer.id, answer);
      });
      this.positions = start;
      this.isBounded = !columns.kl_ab;
      this.topLists = null;
    }
    /** The text of the answer's token at a position counted over the whole run. */
    token(position) {
      return this.tokens[this.columns.token[position]];
    }
    answerText(answer) {
      let text = "";
      for (let p = answer.start; p < answer.start + answer.length; ++p) text += this.token(p);
      return text;
    }
    /** Unpacks the top lists, the largest block: later than all else, and once. */
    loadTopLists() {
      this.loading ??= readBlock(`run-${this.index}-top`).then((buffer) => {
        this.topLists = cutColumns(buffer, this.header.top_layout);
      });
      return this.loading;
    }
    /** [{token, text, probability}] of "base" or "aligned", best first; null while the lists are still unpacked. */
    top(side, position) {
      if (!this.topLists) return null;
      const k = this.header.top_k;
      const list = [];
      for (let i = position * k; i < (position + 1) * k; ++i) {
        const packed = this.topLists[`${side}_top_logp`][i];
        if (packed === kAbsent) break;
        const token = this.topLists[`${side}_top`][i];
        list.push({ token, text: this.tokens[token], probability: Math.exp(-packed * kLogprobStep) });
      }
      return list;
    }
  };
  async function loadRun(index, header) {
    const [texts, columns] = await Promise.all([parseBlock(`run-${index}-texts`), readBlock(`run-${index}-columns`)]);
    return new Run(index, header, texts, cutColumns(columns, header.column_layout));
  }

  // report/statistics.js
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
    for (let p = answer.start; p < answer.start + answer.length; ++p) ++counts[classOf(ranks[p])];
    return counts;
  }
  function percentileInterval(sorted) {
    const at = (q) => sorted[Math.floor(q * (sorted.length - 1) + 0.5)];
    return [at(0.025), at(0.975)];
  }
  function bootstrapRatios(rows, resamples = kResamples) {
    const width = rows.length ? rows[0].length - 1 : 0;
    const totals = new Float64Array(width + 1);
    for (const row of rows) row.forEach((value, i) => totals[i] += value);
    const ratios = [];
    const random = randomNumbers(20231204);
    const samples = Array.from({ length: width }, () => new Float64Array(resamples));
    const flat = Float64Array.from(rows.flat());
    const sums = new Float64Array(width + 1);
    for (let r = 0; r < resamples; ++r) {
      sums.fill(0);
      for (let i = 0; i < rows.length; ++i) {
        const row = Math.floor(random() * rows.length) * (width + 1);
        for (let j = 0; j <= width; ++j) sums[j] += flat[row + j];
      }
      for (let j = 0; j < width; ++j) samples[j][r] = sums[0] > 0 ? sums[j + 1] / sums[0] : 0;
    }
    for (let j = 0; j < width; ++j) {
      const [low, high] = percentileInterval(samples[j].sort());
      ratios.push({ value: totals[0] > 0 ? totals[j + 1] / totals[0] : NaN, low, high });
    }
    return ratios;
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
      if (Number.isNaN(values[p]) || !withEnd && endsAnswer(run, answer, p)) continue;
      ++finite;
      sum += values[p];
    }
    return [finite, sum];
  }
  function boundsOf(run, subset) {
    if (!run.isBounded) return null;
    const mean = (column, withEnd = true) => bootstrapRatios(subset.map((answer) => finiteSum(run, answer, column, withEnd)))[0];
    return {
      kl: mean("kl_ab_lower_bound"),
      klWithoutEnds: mean("kl_ab_lower_bound", false),
      tvLower: mean("tv_lower_bound"),
      tvUpper: mean("tv_upper_bound")
    };
  }
  function summarize(run, subset) {
    const { token, aligned_argmax, base_margin, aligned_margin } = run.columns;
    const rows = [];
    let agreeing = 0;
    const ties = { base: 0, aligned: 0 };
    let positions = 0;
    const klRows = [];
    const klRowsWithoutEnds = [];
    let ends = 0;
    for (const answer of subset) {
      for (let p = answer.start; p < answer.start + answer.length; ++p) {
        if (aligned_argmax[p] === token[p]) ++agreeing;
        if (base_margin[p] < kNearTie) ++ties.base;
        if (aligned_margin[p] < kNearTie) ++ties.aligned;
      }
      positions += answer.length;
      rows.push([answer.length, ...classCounts(run, answer)]);
      klRows.push(finiteSum(run, answer, "kl_ab"));
      klRowsWithoutEnds.push(finiteSum(run, answer, "kl_ab", false));
      if (answer.length && endsAnswer(run, answer, answer.start + answer.length - 1)) ++ends;
    }
    return {
      answers: subset.length,
      positions,
      shares: bootstrapRatios(rows),
      kl: bootstrapRatios(klRows)[0],
      ends,
      klWithoutEnds: bootstrapRatios(klRowsWithoutEnds)[0],
      bounds: boundsOf(run, subset),
      infiniteKl: run.isBounded ? 0 : positions - klRows.reduce((sum, [finite]) => sum + finite, 0),
      selfAgreement: agreeing / positions,
      nearTies: { base: ties.base / positions, aligned: ties.aligned / positions }
    };
  }
  var kNearTie = 0.05;
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
    kl: (columns, p) => columns.kl_ab[p],
    klBound: (columns, p) => columns.kl_ab_lower_bound[p],
    rank: (columns, p) => Math.min(kRankCap, columns.base_rank[p]),
    // A log-probability that is not finite (NaN here) is that of an impossible token.
    probability: (columns, p) => Math.exp(columns.base_logp[p]) || 0
  };
  function hasMetric(run, metric) {
    return metric === "kl" ? !run.isBounded : metric === "klBound" ? run.isBounded : true;
  }
  var kBounds = { kl: [0, Infinity], klBound: [0, Infinity], rank: [1, kRankCap], probability: [0, 1] };
  function positionCurve(run, subset, metric, fewest = 5) {
    const value = kMetrics[metric];
    const [least, most] = kBounds[metric];
    const longest = subset.reduce((most2, answer) => Math.max(most2, answer.length), 0);
    const curve = [];
    if (!hasMetric(run, metric)) return curve;
    for (const [first, last] of positionGroups(longest)) {
      let n = 0;
      let sum = 0;
      let squares = 0;
      for (const answer of subset) {
        const end = Math.min(last, answer.length);
        if (end < first) continue;
        let total = 0;
        let finite = 0;
        for (let i = first; i <= end; ++i) {
          const x = value(run.columns, answer.start + i - 1);
          if (Number.isNaN(x) || metric.startsWith("kl") && endsAnswer(run, answer, answer.start + i - 1)) continue;
          total += x;
          ++finite;
        }
        if (!finite) continue;
        const mean2 = total / finite;
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
  var kHistograms = {
    rank: [["1", 1], ["2", 2], ["3", 3], ["≤ 10", 10], ["≤ 100", 100], ["≤ 1k", 1e3], ["> 1k", Infinity]],
    kl: [["≤ 0.01", 0.01], ["≤ 0.03", 0.03], ["≤ 0.1", 0.1], ["≤ 0.3", 0.3], ["≤ 1", 1], ["≤ 3", 3], ["> 3", Infinity]],
    probability: [
      ["10", 0.1],
      ["20", 0.2],
      ["30", 0.3],
      ["40", 0.4],
      ["50", 0.5],
      ["60", 0.6],
      ["70", 0.7],
      ["80", 0.8],
      ["90", 0.9],
      ["100", Infinity]
    ]
  };
  function histogram(run, subset, metric) {
    const value = metric === "rank" ? (columns, p) => columns.base_rank[p] : kMetrics[metric];
    const bins = kHistograms[metric === "klBound" ? "kl" : metric];
    if (!hasMetric(run, metric)) return [];
    const counts = new Array(bins.length).fill(0);
    let total = 0;
    for (const answer of subset) {
      for (let p = answer.start; p < answer.start + answer.length; ++p) {
        const x = value(run.columns, p);
        ++counts[Number.isNaN(x) ? bins.length - 1 : bins.findIndex(([, upper]) => x <= upper)];
        ++total;
      }
    }
    return bins.map(([label], i) => ({ label, order: i, share: total ? counts[i] / total : 0, count: counts[i] }));
  }
  function tokenTable(run, subset) {
    const { token, base_rank, base_argmax, kl_ab } = run.columns;
    const rows = /* @__PURE__ */ new Map();
    for (const answer of subset) {
      for (let p = answer.start; p < answer.start + answer.length; ++p) {
        const text = run.tokens[token[p]];
        let row = rows.get(text);
        if (!row) rows.set(text, row = { text, count: 0, classes: [0, 0, 0], kl: 0, finite: 0, instead: /* @__PURE__ */ new Map() });
        const kind = classOf(base_rank[p]);
        ++row.count;
        ++row.classes[kind];
        if (kl_ab && !Number.isNaN(kl_ab[p])) {
          row.kl += kl_ab[p];
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
  function tagCounts(runs) {
    const counts = /* @__PURE__ */ new Map();
    const seen = /* @__PURE__ */ new Set();
    for (const run of runs) {
      for (const answer of run.answers) {
        if (seen.has(answer.id)) continue;
        seen.add(answer.id);
        for (const tag of answer.tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
      }
    }
    return [...counts].sort((a, b) => b[1] - a[1]);
  }

  // report/answer_filter.js
  function pairAnswers(runs) {
    const ids = /* @__PURE__ */ new Map();
    runs.forEach((run, r) => {
      for (const answer of run.answers) {
        let item = ids.get(answer.id);
        if (!item) {
          item = { id: answer.id, instruction: answer.instruction, tags: answer.tags, of: new Array(runs.length).fill(null) };
          ids.set(answer.id, item);
        }
        item.of[r] = answer;
      }
    });
    return [...ids.values()];
  }
  function fold(items, runs, value) {
    const values = /* @__PURE__ */ new Map();
    for (const item of items) {
      let sum = 0;
      let n = 0;
      item.of.forEach((answer, r) => {
        if (!answer || !answer.length) return;
        sum += value(runs[r], answer);
        ++n;
      });
      values.set(item, n ? sum / n : 0);
    }
    return values;
  }
  var kOrders = {
    "most-shifted": [(run, answer) => classCounts(run, answer)[2] / answer.length, -1],
    "least-shifted": [(run, answer) => classCounts(run, answer)[2] / answer.length, 1],
    "highest-kl": [meanKl, -1],
    "lowest-kl": [meanKl, 1],
    "longest": [(run, answer) => answer.length, -1]
  };
  function hasShifted(run, answer, text) {
    for (let p = answer.start; p < answer.start + answer.length; ++p) {
      if (run.token(p) === text && classOf(run.columns.base_rank[p]) === 2) return true;
    }
    return false;
  }
  function selectAnswers(runs, items, wanted) {
    const text = wanted.text.toLowerCase();
    const chosen = items.filter((item) => {
      if (wanted.id !== null && item.id !== wanted.id) return false;
      if (wanted.tag && !item.tags.includes(wanted.tag)) return false;
      if (wanted.token) {
        const answer = item.of[wanted.token.run.index];
        if (!answer || !hasShifted(wanted.token.run, answer, wanted.token.text)) return false;
      }
      if (!text || item.instruction.toLowerCase().includes(text)) return true;
      return item.of.some((answer, r) => answer && runs[r].answerText(answer).toLowerCase().includes(text));
    });
    const order = kOrders[wanted.order];
    if (!order) return chosen;
    const values = fold(chosen, runs, order[0]);
    return chosen.sort((a, b) => order[1] * (values.get(a) - values.get(b)));
  }
  function searchHits(run, answer, text) {
    const hits = /* @__PURE__ */ new Set();
    if (!text) return hits;
    const wanted = text.toLowerCase();
    const starts = [];
    let whole = "";
    for (let p = answer.start; p < answer.start + answer.length; ++p) {
      starts.push(whole.length);
      whole += run.token(p).toLowerCase();
    }
    let at = 0;
    for (let found = whole.indexOf(wanted); found >= 0; found = whole.indexOf(wanted, found + wanted.length)) {
      while (at + 1 < starts.length && starts[at + 1] <= found) ++at;
      for (let i = at; i < starts.length && starts[i] < found + wanted.length; ++i) hits.add(answer.start + i);
    }
    return hits;
  }

  // report/inspector.js
  function rankText(rank) {
    return rank === kUnknownRank ? "> 50" : formatCount(rank);
  }
  function listRow(entry, rank, isAnswer) {
    const fill = h("span.fill");
    fill.style.width = `${100 * entry.probability}%`;
    return h(
      isAnswer ? "tr.answer" : "tr",
      { "aria-current": isAnswer ? "true" : null },
      h("td.number", null, rank),
      h("td.piece", { title: visibleToken(entry.text) }, h("code", null, visibleToken(entry.text))),
      h("td.meter-cell", null, h("span.meter", null, fill)),
      h("td.number", null, formatPercent(entry.probability))
    );
  }
  function topList(run, side, position, title) {
    const list = run.top(side, position);
    if (!list) return h("p.note", null, "The top lists are being unpacked …");
    const answer = run.columns.token[position];
    const rows = list.map((entry, i) => listRow(entry, i + 1, entry.token === answer));
    if (!list.some((entry) => entry.token === answer)) {
      const entry = { text: run.tokens[answer], probability: Math.exp(run.columns[`${side}_logp`][position]) };
      rows.push(
        h("tr.gap", null, h("td", { colspan: 4 }, "⋮")),
        listRow(entry, rankText(run.columns[`${side}_rank`][position]), true)
      );
    }
    return h(
      `table.top.${side}`,
      null,
      h("caption", null, title),
      h("colgroup", null, ["place", "text", "bar", "share"].map((name) => h(`col.${name}`))),
      h("tbody", null, rows)
    );
  }
  function fact(label, value, title) {
    return h("div", { title }, h("dt", null, label), h("dd", null, value));
  }
  function divergenceFacts(c, position) {
    return [
      fact("KL(aligned ‖ base)", formatNumber(c.kl_ab[position])),
      fact("KL(base ‖ aligned)", formatNumber(c.kl_ba[position])),
      fact("Jensen–Shannon", formatNumber(c.js[position])),
      fact("total variation", formatNumber(c.tv[position])),
      fact("base entropy", formatNumber(c.base_entropy[position], 2)),
      fact("aligned entropy", formatNumber(c.aligned_entropy[position], 2))
    ];
  }
  function boundFacts(c, position) {
    return [
      fact("KL lower bound", formatNumber(c.kl_ab_lower_bound[position]), "KL(aligned ‖ base) is at least this, nats"),
      fact(
        "total variation",
        `${formatNumber(c.tv_lower_bound[position])} to ${formatNumber(c.tv_upper_bound[position])}`,
        "It lies between these"
      )
    ];
  }
  function describe(run, position) {
    const c = run.columns;
    const rank = c.base_rank[position];
    return `Token ${visibleToken(run.token(position))}, ${kClassNames[classOf(rank)]}, base rank ${rankText(rank)}, ${run.isBounded ? "KL at least" : "KL"} ${formatNumber((c.kl_ab ?? c.kl_ab_lower_bound)[position], 2)} nats; the base model prefers ${visibleToken(run.tokens[c.base_argmax[position]])}`;
  }
  function makeInspector({ onUnpin, onStep }) {
    const body = h("div.inspector-body");
    const spoken = h("p.visually-hidden", { "aria-live": "polite" });
    const element = h("aside.inspector", { "aria-label": "Token details" }, body, spoken);
    function clear() {
      body.replaceChildren(h(
        "div.empty",
        null,
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
      ));
      element.classList.remove("pinned", "filled");
    }
    function show(run, answer, position, pinned, severalRuns) {
      const c = run.columns;
      const kind = kClassNames[classOf(c.base_rank[position])];
      body.replaceChildren(
        h(
          "header",
          null,
          h("code.big", null, visibleToken(run.token(position))),
          h(`span.badge.${kind}`, null, kind),
          h("span.where", null, `${severalRuns ? `${run.label} · ` : ""}token ${position - answer.start + 1} of ${answer.length}`),
          h(
            "span.actions",
            null,
            h("button.quiet", { type: "button", title: "Previous shifted token (P)", "aria-label": "Previous shifted token", onclick: () => onStep(-1) }, "‹"),
            h("button.quiet", { type: "button", title: "Next shifted token (N)", "aria-label": "Next shifted token", onclick: () => onStep(1) }, "›"),
            pinned ? h("button.quiet", { type: "button", title: "Let go (Esc)", onclick: onUnpin }, "unpin") : null
          )
        ),
        h("div.tops", null, topList(run, "base", position, "Base model"), topList(run, "aligned", position, "Aligned model")),
        h(
          "dl.facts",
          null,
          fact("base rank", rankText(c.base_rank[position]), "Place of this token in the base model’s distribution"),
          fact("aligned rank", rankText(c.aligned_rank[position])),
          fact("log-ratio", formatNumber(c.aligned_logp[position] - c.base_logp[position], 2), "log p(aligned) − log p(base) of this token, nats"),
          run.isBounded ? boundFacts(c, position) : divergenceFacts(c, position)
        )
      );
      element.classList.toggle("pinned", pinned);
      element.classList.add("filled");
    }
    clear();
    return { element, clear, show, speak: (text) => spoken.textContent = text };
  }

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

  // report/charts.js
  function config() {
    const ink = colour("ink");
    const muted = colour("muted");
    const font = "system-ui, sans-serif";
    return {
      background: "transparent",
      font,
      view: { stroke: null },
      axis: {
        labelColor: muted,
        titleColor: muted,
        titleFontWeight: "normal",
        titleFontSize: 12,
        labelFontSize: 11.5,
        gridColor: colour("line"),
        domainColor: colour("line"),
        tickColor: colour("line"),
        labelPadding: 5,
        titlePadding: 8
      },
      legend: { labelColor: ink, labelFontSize: 12, title: null, orient: "top", symbolStrokeWidth: 2.5, labelLimit: 260 },
      text: { color: ink }
    };
  }
  function runScale(runs, theme) {
    return { domain: runs.map((run) => run.label), range: runs.map((run, i) => kRunColours[theme][i % 6]) };
  }
  function series(runs, theme) {
    const legend = runs.length > 1 ? { symbolType: "stroke", symbolSize: 350, symbolOpacity: 1 } : null;
    return {
      color: { field: "run", type: "nominal", scale: runScale(runs, theme), legend },
      strokeDash: {
        field: "run",
        type: "nominal",
        legend,
        scale: { domain: runs.map((run) => run.label), range: runs.map((run, i) => kDashes[i % 6]) }
      }
    };
  }
  function base(values, description) {
    return {
      $schema: "https://vega.github.io/schema/vega-lite/v6.json",
      description,
      width: "container",
      height: 210,
      autosize: { type: "fit", contains: "padding" },
      data: { values },
      config: config()
    };
  }
  var kKlCurve = { metric: "kl", title: "Distance from the base model", axis: "mean KL without ends, nats", format: ".2f" };
  var kKlBoundCurve = {
    metric: "klBound",
    title: "Least distance from the base model",
    axis: "lower bound of the mean KL without ends, nats",
    format: ".2f"
  };
  var kCurves = [
    { metric: "rank", title: "Base rank of the aligned token", axis: `mean base rank (≤ ${kRankCap})`, format: ".1f" },
    { metric: "probability", title: "What the base model gives it", axis: "mean base probability", format: ".0%" }
  ];
  function positionTicks(longest) {
    return [1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3].filter((tick) => tick <= longest);
  }
  function curveSpecification(runs, subsets, { metric, axis, format }, options) {
    const values = runs.flatMap((run, i) => positionCurve(run, subsets[i], metric).map((point) => ({
      run: run.label,
      position: point.position,
      mean: point.mean,
      low: point.low,
      high: point.high,
      tip: [
        `${run.label} · position ${point.first === point.last ? point.first : `${point.first}–${point.last}`}`,
        `mean ${point.mean.toFixed(3)} (95 %: ${point.low.toFixed(3)} to ${point.high.toFixed(3)})`,
        `${point.answers} answers`
      ].join("\n")
    })));
    const longest = Math.max(1, ...values.map((point) => point.position));
    const x = {
      field: "position",
      type: "quantitative",
      title: "position in the answer",
      scale: { nice: false, domain: [1, longest], ...options.logarithmic ? { type: "log" } : { type: "linear", zero: false } },
      axis: { grid: false, ...options.logarithmic ? { values: positionTicks(longest), format: "d" } : { tickCount: 6 } }
    };
    const y = { type: "quantitative", title: axis, axis: { format, tickCount: 5 }, scale: { zero: true } };
    const encoding = series(runs, options.theme);
    return {
      ...base(values, `${axis} by position in the answer`),
      layer: [
        {
          mark: { type: "area", opacity: 0.2, clip: true },
          encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" }, color: encoding.color }
        },
        { mark: { type: "line", strokeWidth: 2.25 }, encoding: { x, y: { ...y, field: "mean" }, ...encoding } },
        {
          mark: { type: "point", filled: true, size: 130, opacity: 0 },
          encoding: { x, y: { ...y, field: "mean" }, tooltip: { field: "tip", type: "nominal" } }
        }
      ]
    };
  }
  var kKlBars = { metric: "kl", title: "KL of one position", axis: "KL(aligned ‖ base), nats" };
  var kKlBoundBars = { metric: "klBound", title: "Lower bound of the KL of one position", axis: "lower bound of KL(aligned ‖ base), nats" };
  var kBars = [
    { metric: "rank", title: "Base ranks", axis: "base rank of the token" },
    { metric: "probability", title: "Base probabilities", axis: "base probability of the token, up to %" }
  ];
  function barColour(runs, metric, theme) {
    if (runs.length > 1) return { field: "run", type: "nominal", scale: runScale(runs, theme), legend: {} };
    if (metric !== "rank") return { value: kRunColours[theme][0] };
    const classes = ["unshifted", "marginal", "marginal", "shifted", "shifted", "shifted", "shifted"];
    return {
      field: "label",
      type: "nominal",
      legend: null,
      scale: { domain: kHistograms.rank.map(([label]) => label), range: classes.map(colour) }
    };
  }
  function histogramSpecification(runs, subsets, { metric, axis }, options) {
    const values = runs.flatMap((run, i) => histogram(run, subsets[i], metric).map((bin) => ({
      ...bin,
      run: run.label,
      tip: `${run.label}
${axis}: ${bin.label}
${(100 * bin.share).toFixed(2)} % of positions (${bin.count})`
    })));
    return {
      ...base(values, `share of positions by ${axis}`),
      mark: { type: "bar", cornerRadiusEnd: 2 },
      encoding: {
        x: { field: "label", type: "ordinal", sort: { field: "order" }, title: axis, axis: { labelAngle: 0, labelOverlap: true } },
        xOffset: runs.length > 1 ? { field: "run", type: "nominal", sort: runs.map((run) => run.label) } : void 0,
        y: { field: "share", type: "quantitative", title: "share of positions", axis: { format: ".0%", tickCount: 5 } },
        color: barColour(runs, metric, options.theme),
        tooltip: { field: "tip", type: "nominal" }
      }
    };
  }
  function makeCharts(runs) {
    const bounded = runs.filter((run) => run.isBounded).length;
    const divergences = (exact, bound) => [...bounded < runs.length ? [exact] : [], ...bounded ? [bound] : []];
    const curves = [...divergences(kKlCurve, kKlBoundCurve), ...kCurves];
    const bars = [kBars[0], ...divergences(kKlBars, kKlBoundBars), kBars[1]];
    const charts = [
      ...curves.map((chart) => ({ ...chart, make: curveSpecification })),
      ...bars.map((chart) => ({ ...chart, make: histogramSpecification }))
    ];
    for (const chart of charts) Object.assign(chart, chartCard(
      chart.title,
      `${chart.make === curveSpecification ? "curve" : "histogram"}-${chart.metric}`,
      () => chart.card.view.toSVG()
    ));
    return {
      curves: charts.slice(0, curves.length).map((chart) => chart.card),
      histograms: charts.slice(curves.length).map((chart) => chart.card),
      async draw(options) {
        for (const chart of charts) {
          chart.card.view?.finalize();
          chart.card.view = await urialCharts.draw(chart.holder, chart.make(runs, options.subsets, chart, options), showTip);
        }
      }
    };
  }

  // report/published.js
  var kPaper = "Lin et al., arXiv 2312.01552, Figure 3";
  var kPublished = [
    { base: "Llama-2-7b", aligned: "Llama-2-7b-chat", shares: [0.777, 0.145, 0.078] },
    { base: "Llama-2-7b", aligned: "Vicuna-7b-v1.5", shares: [0.824, 0.128, 0.048] },
    { base: "Mistral-7B", aligned: "Mistral-7B-Instruct", shares: [0.822, 0.125, 0.052] }
  ];

  // report/overview.js
  function shareBar(shares, small = false) {
    const bar = h(small ? "div.bar.small" : "div.bar", {
      role: "img",
      "aria-label": kClassNames.map((name, i) => `${name} ${formatPercent(shares[i])}`).join(", ")
    });
    kClassNames.forEach((name, i) => {
      const part = h(`span.part.${name}`, { title: `${name} ${formatPercent(shares[i])}` });
      part.style.width = `${100 * (shares[i] || 0)}%`;
      bar.append(part);
    });
    return bar;
  }
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
  function shareTable(runs, summaries) {
    const own = runs.map((run, i) => h(
      "tr.own",
      null,
      h(
        "th",
        { scope: "row" },
        run.label,
        h("small", null, run.header.pair),
        run.header.weights ? h("small", null, `weights: ${run.header.weights}`) : null,
        h("small", null, `${formatCount(summaries[i].answers)} answers`)
      ),
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
    return h(
      "table.shares",
      null,
      h("thead", null, h(
        "tr",
        null,
        h("th", { scope: "col" }, "Pair"),
        h("td"),
        kClassNames.map((name) => h("th.number", { scope: "col" }, h(`span.key.${name}`, null, name)))
      )),
      h("tbody", null, own),
      h("tbody.paper", null, h("tr", null, h("th.source", { colspan: 5, scope: "rowgroup" }, `Published: ${kPaper}`)), paper)
    );
  }
  function figure(label, values, title) {
    return h("div.figure", { title }, h("dt", null, label), values.map((value) => h("dd", null, value)));
  }
  function endsNote(summaries) {
    const ends = summaries.reduce((sum, summary) => sum + summary.ends, 0);
    if (!ends) return null;
    return h("p.note", null, `The KL curve leaves out the tokens that end answers (${formatCount(ends)} positions): they can stand anywhere and would hide how the KL fades. Ranks and probabilities are over all positions.`);
  }
  function boundFigures(row, summaries) {
    const bound = (name, of, unit, title) => figure(name, summaries.map((s, i) => row(s.bounds ? [of(s.bounds), h("small", null, unit)] : ["–"], i)), title);
    return [
      bound(
        "lower bound of the mean KL",
        (b) => formatNumber(b.kl.value),
        " nats",
        "The mean KL(aligned ‖ base) is at least this. From the lists of the most likely tokens and the tails beyond them"
      ),
      bound(
        "the same without answer ends",
        (b) => formatNumber(b.klWithoutEnds.value),
        " nats",
        "Without the tokens that end answers, which the base model finds all but impossible"
      ),
      bound(
        "total variation",
        (b) => `${formatNumber(b.tvLower.value)} to ${formatNumber(b.tvUpper.value)}`,
        "",
        "The mean total variation distance lies between these"
      )
    ];
  }
  function keyFigures(runs, summaries) {
    const many = runs.length > 1;
    const row = (text, i) => many ? [h("small.run", null, runs[i].label), text] : [text];
    return h(
      "dl.figures",
      null,
      figure("tokens analysed", summaries.map((s, i) => row(formatCount(s.positions), i)), "Positions of all answers together"),
      runs.every((run) => run.isBounded) ? null : [
        figure(
          "mean KL(aligned ‖ base)",
          summaries.map((s, i) => row(s.bounds ? ["–"] : [
            formatNumber(s.kl.value),
            h("small", null, ` nats, ${formatNumber(s.kl.low)}–${formatNumber(s.kl.high)}`)
          ], i)),
          "Over the whole vocabulary, mean over positions, with its 95 % bootstrap interval over answers"
        ),
        figure(
          "mean KL without answer ends",
          summaries.map((s, i) => row(s.bounds ? ["–"] : [
            formatNumber(s.klWithoutEnds.value),
            h("small", null, ` nats, ${formatNumber(s.klWithoutEnds.low)}–${formatNumber(s.klWithoutEnds.high)}`)
          ], i)),
          "The same without the tokens that end answers, which the base model finds all but impossible"
        )
      ],
      summaries.some((s) => s.bounds) ? boundFigures(row, summaries) : null,
      figure(
        "self-agreement",
        summaries.map((s, i) => row(formatPercent(s.selfAgreement), i)),
        "Positions where the token is the aligned model’s own first choice. A low value means that another model, template or sampling wrote the answers"
      ),
      figure(
        "near-ties",
        summaries.map((s, i) => row([formatPercent(s.nearTies.base), h("small", null, " base, "), formatPercent(s.nearTies.aligned), h("small", null, " aligned")], i)),
        `Positions where the first two candidates of a model lie within ${kNearTie} nats: rounding can turn them around`
      )
    );
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
      for (const text of own) labels.set(text, [...labels.get(text) ?? [], run.label]);
    });
    if (!labels.size) return null;
    return h("ul.warnings", { "aria-label": "Warnings" }, [...labels].map(([text, about]) => h("li", null, about.length < runs.length ? `${about.join(", ")}: ${text}` : text)));
  }
  function tagTable(runs, onTag) {
    const tags = tagCounts(runs).slice(0, 24);
    if (!tags.length) return null;
    const rows = tags.map(([tag, answers]) => h(
      "tr",
      null,
      h("th", { scope: "row" }, h("button.link", { type: "button", onclick: () => onTag(tag) }, tag)),
      h("td.number", null, formatCount(answers)),
      runs.map((run) => {
        const totals = [0, 0, 0];
        for (const answer of run.answers) {
          if (answer.tags.includes(tag)) classCounts(run, answer).forEach((count, i) => totals[i] += count);
        }
        const all = totals[0] + totals[1] + totals[2];
        return [
          h("td.bar-cell", null, shareBar(totals.map((count) => count / all))),
          h("td.number", null, formatPercent(totals[2] / all))
        ];
      })
    ));
    return h(
      "section",
      null,
      h("h2", null, "By task and topic"),
      h("div.card", null, h(
        "table.tags",
        null,
        h("thead", null, h(
          "tr",
          null,
          h("th", { scope: "col" }, "tag"),
          h("th.number", { scope: "col" }, "answers"),
          runs.map((run) => [
            h("th", { scope: "col" }, runs.length > 1 ? run.label : ""),
            h("th.number", { scope: "col" }, "shifted")
          ])
        )),
        h("tbody", null, rows)
      ))
    );
  }
  function provenance(runs, licences) {
    return h(
      "section.provenance",
      null,
      h("h2", null, "How this was made"),
      runs.map((run) => h(
        "details.card",
        null,
        h("summary", null, `${run.label}: models, prompts and options`),
        h("pre", null, JSON.stringify(run.header.manifest, null, 2))
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
        )
      )),
      h(
        "details.card",
        null,
        h("summary", null, "Licences of the charting libraries in this file"),
        h("pre", null, licences)
      )
    );
  }
  function makeOverview(runs, { licences, onTag, theme }) {
    const subsets = runs.map((run) => run.answers);
    const summaries = runs.map((run, i) => summarize(run, subsets[i]));
    const charts = makeCharts(runs);
    let logarithmic = true;
    const scale = h("button.quiet", { type: "button", "aria-pressed": "true", onclick: () => {
      logarithmic = !logarithmic;
      scale.setAttribute("aria-pressed", String(logarithmic));
      draw();
    } }, "log positions");
    const draw = () => charts.draw({ subsets, logarithmic, theme: theme() });
    const element = h(
      "div.overview",
      null,
      warnings(runs, summaries),
      h(
        "section",
        null,
        h("h2", null, "How much did alignment change?"),
        h("div.card.headline", null, shareTable(runs, summaries), keyFigures(runs, summaries))
      ),
      h("section", null, h("h2", null, "Does the shift fade along the answer?", scale), h("div.charts", null, charts.curves), endsNote(summaries)),
      h("section", null, h("h2", null, "How is it spread?"), h("div.charts", null, charts.histograms)),
      tagTable(runs, onTag),
      provenance(runs, licences)
    );
    return { element, draw };
  }

  // report/answers.js
  var kCharactersPerLine = 95;
  var kLineHeight = 29;
  var kCardChrome = 120;
  var kPaints = {
    kl: (columns, p) => {
      const values = columns.kl_ab ?? columns.kl_ab_lower_bound;
      return Math.min(1, (Number.isNaN(values[p]) ? Infinity : values[p]) / 3);
    },
    surprise: (columns, p) => 1 - (Math.exp(columns.base_logp[p]) || 0)
  };
  function tokenElements(run, position, paint, hits) {
    const kind = kClassNames[classOf(run.columns.base_rank[position])];
    const text = run.token(position);
    const shown = text === "" ? "∅" : runningToken(text);
    const element = document.createElement("span");
    element.className = hits.has(position) ? `t ${kind} hit` : `t ${kind}`;
    element.tabIndex = -1;
    element.position = position;
    const spaces = shown.length - shown.trimStart().length;
    const outside = spaces < shown.length && !shown.slice(0, spaces).includes("\n") ? spaces : 0;
    element.textContent = shown.slice(outside);
    if (paint) element.style.setProperty("--paint", `${(100 * paint(run.columns, position)).toFixed(0)}%`);
    return [shown.slice(0, outside), element];
  }
  function estimateHeight(item, columns) {
    const longest = Math.max(...item.of.map((answer) => answer ? answer.length : 0));
    return kCardChrome + Math.ceil(longest * 4.6 / (kCharactersPerLine / columns)) * kLineHeight;
  }
  var AnswersView = class {
    constructor(runs) {
      this.runs = runs;
      this.items = pairAnswers(runs);
      this.wanted = { text: "", tag: "", token: null, id: null, order: "" };
      this.shownRuns = runs.slice(0, 3);
      this.paint = "";
      this.pinned = null;
      this.current = null;
      this.inspector = makeInspector({ onUnpin: () => this.unpin(), onStep: (step) => this.stepShifted(step) });
      this.cards = new CardList({
        content: (item) => this.cardContent(item),
        height: (item) => estimateHeight(item, this.shownRuns.length),
        keep: (card) => card.querySelector(".pin") !== null,
        nothing: "No answer matches. Clear the search or the filters."
      });
      this.list = this.cards.element;
      this.element = h("div.answers-view", null, this.makeToolbar(), h("div.split", null, this.list, this.inspector.element));
      this.listen();
    }
    makeToolbar() {
      this.status = h("span.status", { role: "status" });
      this.chip = h("button.chip", {
        type: "button",
        hidden: true,
        title: "Remove this filter",
        onclick: () => {
          this.wanted.token = this.wanted.id = null;
          this.render();
        }
      });
      this.search = h("input", {
        type: "search",
        placeholder: "Search instructions and answers",
        "aria-label": "Search instructions and answers",
        oninput: () => {
          clearTimeout(this.typing);
          this.typing = setTimeout(() => {
            this.wanted.text = this.search.value;
            this.render();
          }, 150);
        }
      });
      const tags = tagCounts(this.runs);
      this.tags = h(
        "select",
        { "aria-label": "Tag", onchange: () => {
          this.wanted.tag = this.tags.value;
          this.render();
        } },
        h("option", { value: "" }, "all tags"),
        tags.map(([tag, count]) => h("option", { value: tag }, `${tag} (${count})`))
      );
      const order = h(
        "select",
        { "aria-label": "Order", onchange: () => {
          this.wanted.order = order.value;
          this.render();
        } },
        [
          ["", "in file order"],
          ["most-shifted", "most shifted first"],
          ["least-shifted", "least shifted first"],
          ...this.runs.some((run) => run.isBounded) ? [] : [["highest-kl", "highest mean KL first"], ["lowest-kl", "lowest mean KL first"]],
          ["longest", "longest first"]
        ].map(([value, text]) => h("option", { value }, text))
      );
      const paint = h(
        "select",
        { "aria-label": "Colour", onchange: () => {
          this.paint = paint.value;
          this.render();
        } },
        [["", "colour: class"], ["kl", this.runs.some((run) => run.isBounded) ? "colour: KL, or its lower bound" : "colour: KL"], ["surprise", "colour: 1 − base probability"]].map(([value, text]) => h("option", { value }, text))
      );
      return h(
        "div.toolbar",
        null,
        this.search,
        this.makeLegend(),
        tags.length ? this.tags : null,
        order,
        paint,
        makeRunPicker(this),
        this.chip,
        this.status
      );
    }
    /** The legend is the filter: a class that is switched off fades into the text. */
    makeLegend() {
      const totals = [0, 0, 0];
      for (const run of this.runs) for (const answer of run.answers) classCounts(run, answer).forEach((n, i) => totals[i] += n);
      const hints = ["the base model’s first choice", "its second or third choice", "none of its first three choices"];
      return h("div.legend", { role: "group", "aria-label": "Classes shown" }, kClassNames.map((name, i) => {
        const button = h("button.toggle", { type: "button", "aria-pressed": "true", title: `${hints[i]}; click to fade or show`, onclick: () => {
          const off = this.list.classList.toggle(`without-${name}`);
          button.setAttribute("aria-pressed", String(!off));
        } }, h(`span.sample.t.${name}`, null, name), h("small", null, ` ${formatCount(totals[i])}`));
        return button;
      }));
    }
    filterByToken(run, text) {
      this.wanted = { ...this.wanted, token: { run, text }, id: null, text: "", tag: "" };
      this.search.value = "";
      this.tags.value = "";
      if (!this.shownRuns.includes(run)) this.shownRuns = [run];
      this.render();
    }
    /** The answers with this id alone: where links from other pages lead. */
    showOnly(id) {
      this.wanted = { ...this.wanted, token: null, id, text: "", tag: "" };
      this.search.value = "";
      this.tags.value = "";
      this.render();
    }
    filterByTag(tag) {
      this.wanted.id = null;
      this.wanted.tag = this.tags.value = tag;
      this.render();
    }
    render() {
      const { token, id } = this.wanted;
      const chosen = selectAnswers(this.runs, this.items, this.wanted);
      this.unpin();
      this.chip.hidden = !token && id === null;
      if (id !== null) this.chip.textContent = `answer #${visibleToken(id)} ✕`;
      if (token) {
        const where = this.runs.length > 1 ? ` in ${token.run.label}` : "";
        this.chip.textContent = `${visibleToken(token.text)} shifted${where} ✕`;
      }
      this.status.textContent = chosen.length === this.items.length ? `${formatCount(chosen.length)} answers` : `${formatCount(chosen.length)} of ${formatCount(this.items.length)} answers`;
      this.list.classList.toggle("painted", this.paint !== "");
      this.cards.show(chosen);
    }
    cardContent(item) {
      const columns = this.shownRuns.map((run) => this.answerColumn(run, item.of[run.index]));
      return [
        h(
          "header",
          null,
          h("span.id", null, `#${item.id}`),
          h("p.instruction", { dir: "auto" }, item.instruction),
          item.tags.length ? h("span.tag-list", null, item.tags.map((tag) => h("span.tag", null, tag))) : null
        ),
        h("div.columns", null, columns)
      ];
    }
    answerColumn(run, answer) {
      const title = this.runs.length > 1 ? h("h3", null, run.label) : null;
      if (!answer) return h("div.column", null, title, h("p.note", null, "This run has no such answer."));
      const counts = classCounts(run, answer);
      const tokens = h("div.tokens", { dir: "auto", role: "group", "aria-label": `Answer ${answer.id}, ${answer.length} tokens` });
      tokens.run = run;
      tokens.answer = answer;
      const hits = searchHits(run, answer, this.wanted.text);
      const { token } = this.wanted;
      for (let p = answer.start; p < answer.start + answer.length; ++p) {
        if (token && token.run === run && run.token(p) === token.text && classOf(run.columns.base_rank[p]) === 2) hits.add(p);
      }
      const paint = kPaints[this.paint];
      for (let p = answer.start; p < answer.start + answer.length; ++p) tokens.append(...tokenElements(run, p, paint, hits));
      if (answer.length) tokens.firstElementChild.tabIndex = 0;
      return h("div.column", null, title, h(
        "div.meta",
        null,
        shareBar(counts.map((n) => n / answer.length), true),
        h("span", null, `${formatCount(counts[2])} shifted of ${formatCount(answer.length)}` + (run.isBounded ? "" : ` · mean KL ${formatNumber(meanKl(run, answer), 2)}`))
      ), tokens);
    }
    // What the panel shows: the pinned token, else the one under the pointer or in focus.
    listen() {
      const tokenOf = (event) => event.target.closest?.(".tokens > .t");
      this.list.addEventListener("mouseover", (event) => {
        const token = tokenOf(event);
        if (token && !this.pinned) this.look(token);
      });
      this.list.addEventListener("focusin", (event) => {
        const token = tokenOf(event);
        if (!token) return;
        for (const other of token.parentElement.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
        token.tabIndex = 0;
        if (this.pinned) return;
        this.look(token);
        this.inspector.speak(describe(token.parentElement.run, token.position));
      });
      this.list.addEventListener("click", (event) => {
        const token = tokenOf(event);
        if (token) this.togglePin(token);
      });
      this.element.addEventListener("keydown", (event) => this.onKey(event, tokenOf(event)));
    }
    look(token, pinned = false) {
      const { run, answer } = token.parentElement;
      this.list.querySelector(".looked")?.classList.remove("looked");
      token.classList.add("looked");
      this.current = { run, answer, position: token.position, token };
      const show = () => this.inspector.show(run, answer, token.position, pinned, this.runs.length > 1);
      show();
      if (!run.topLists) run.loadTopLists().then(() => {
        if (this.current?.token === token) show();
      });
    }
    togglePin(token) {
      const same = this.pinned === token;
      this.unpin();
      if (same) return;
      this.pinned = token;
      token.classList.add("pin");
      this.look(token, true);
    }
    unpin() {
      this.pinned?.classList.remove("pin");
      this.list.querySelector(".looked")?.classList.remove("looked");
      this.pinned = null;
      this.current = null;
      this.inspector.clear();
    }
    onKey(event, token) {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.key === "Escape" && this.pinned) return this.unpin();
      if (!token) return;
      const siblings = token.parentElement.children;
      const index = token.position - token.parentElement.answer.start;
      const moves = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: siblings.length - 1 };
      if (event.key in moves) siblings[moves[event.key]]?.focus();
      else if (event.key === "n" || event.key === "N") this.stepShifted(1, token);
      else if (event.key === "p" || event.key === "P") this.stepShifted(-1, token);
      else if (event.key === "Enter" || event.key === " ") this.togglePin(token);
      else return;
      event.preventDefault();
    }
    /** Moves to the next (1) or previous (-1) shifted token of the answer; a pin moves along. */
    stepShifted(step, from = this.current?.token) {
      if (!from) return;
      const next = step > 0 ? "nextElementSibling" : "previousElementSibling";
      let token = from[next];
      while (token && !token.classList.contains("shifted")) token = token[next];
      if (!token) return;
      const pinned = this.pinned !== null;
      token.focus();
      if (pinned) this.togglePin(token);
    }
  };

  // report/tokens_table.js
  var kPage = 100;
  var kColumns = [
    { key: "text", label: "token", sort: (a, b) => a.text.localeCompare(b.text), descending: false },
    { key: "shifted", label: "shifted", title: "times it was shifted (base rank beyond 3)" },
    { key: "marginal", label: "marginal", title: "times it was marginal (base rank 2 or 3)" },
    { key: "count", label: "all", title: "times it occurs" },
    { key: "share", label: "shifted share", title: "how much of its occurrences are shifted" },
    { key: "kl", label: "mean KL", title: "mean KL(aligned ‖ base) where it occurs, nats" },
    { key: "instead", label: "the base model would rather say", sort: null }
  ];
  function compare(column, descending) {
    const order = column.sort ?? ((a, b) => a[column.key] - b[column.key]);
    return (a, b) => (descending ? order(b, a) : order(a, b)) || b.shifted - a.shifted || b.count - a.count;
  }
  function makeTokensView(runs, { onToken }) {
    const tables = /* @__PURE__ */ new Map();
    const state = { run: runs[0], column: kColumns[1], descending: true, text: "", fewest: 1, shown: kPage };
    const body = h("tbody");
    const status = h("span.status", { role: "status" });
    const more = h("button", { type: "button", onclick: () => {
      state.shown += kPage;
      render();
    } }, "Show more");
    const headers = kColumns.map((column) => h(
      column.sort === null || column.key === "text" ? "th" : "th.number",
      { scope: "col" },
      column.sort === null ? column.label : h("button.sort", { type: "button", title: column.title, onclick: () => {
        state.descending = state.column === column ? !state.descending : column.descending ?? true;
        state.column = column;
        render();
      } }, column.label)
    ));
    function row(data) {
      const share = h("span.meter", null, h("span.fill"));
      share.firstChild.style.width = `${100 * data.share}%`;
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
        h("td.number.share", null, share, h("span.value", null, formatPercent(data.share, 0))),
        h("td.number", null, formatNumber(data.kl, 2)),
        h("td", null, data.instead.map((other) => h(
          "span.instead",
          null,
          h("code", null, visibleToken(other.text)),
          h("small", null, ` ×${formatCount(other.times)} `)
        )))
      );
    }
    function render() {
      if (!tables.has(state.run)) tables.set(state.run, tokenTable(state.run, state.run.answers));
      const wanted = state.text.toLowerCase();
      const rows = tables.get(state.run).filter((data) => data.shifted >= state.fewest && data.text.toLowerCase().includes(wanted)).sort(compare(state.column, state.descending));
      body.replaceChildren(...rows.slice(0, state.shown).map(row));
      more.hidden = rows.length <= state.shown;
      status.textContent = `${formatCount(rows.length)} tokens`;
      headers.forEach((header, i) => {
        const order = state.descending ? "descending" : "ascending";
        if (kColumns[i] === state.column) header.setAttribute("aria-sort", order);
        else header.removeAttribute("aria-sort");
      });
      for (const button of pills.children) button.setAttribute("aria-pressed", String(button.run === state.run));
    }
    const pills = h("div.pills", { role: "group", "aria-label": "Run", hidden: runs.length < 2 }, runs.map((run) => {
      const pill = h("button.pill", { type: "button", onclick: () => {
        state.run = run;
        render();
      } }, run.label);
      pill.run = run;
      return pill;
    }));
    const element = h(
      "div.tokens-view",
      null,
      h(
        "div.toolbar",
        null,
        pills,
        h("input", {
          type: "search",
          placeholder: "Find a token",
          "aria-label": "Find a token",
          oninput: (event) => {
            state.text = event.target.value;
            state.shown = kPage;
            render();
          }
        }),
        h("label", null, "shifted at least ", h(
          "select",
          {
            onchange: (event) => {
              state.fewest = Number(event.target.value);
              render();
            }
          },
          [1, 2, 5, 10, 50].map((n) => h("option", { value: String(n) }, n)),
          h("option", { value: "0" }, "0")
        ), " times"),
        status
      ),
      h("div.card", null, h("table.sortable", null, h("thead", null, h("tr", null, headers)), body), more)
    );
    return { element, render };
  }

  // report/main.js
  function subtitle(runs) {
    const answers = new Set(runs.flatMap((run) => run.answers.map((answer) => answer.id))).size;
    const positions = runs.reduce((sum, run) => sum + run.positions, 0);
    return [
      runs.map((run) => run.header.pair).filter((pair, i, all) => all.indexOf(pair) === i).join(" · "),
      h("span", null, ` — ${formatCount(answers)} answers, ${formatCount(positions)} tokens`)
    ];
  }
  runPage(async () => {
    const header = readHeader();
    const runs = await Promise.all(header.runs.map((run, i) => loadRun(i, run)));
    const licences = JSON.parse(document.getElementById("licences").textContent);
    const answers = new AnswersView(runs);
    const tokens = makeTokensView(runs, { onToken: (run, text) => {
      answers.filterByToken(run, text);
      show("answers", true);
    } });
    const overview = makeOverview(runs, { licences, theme: currentTheme, onTag: (tag) => {
      answers.filterByTag(tag);
      show("answers", true);
    } });
    const show = makeShell({
      title: header.title,
      subtitle: subtitle(runs),
      views: { overview, tokens, answers },
      titles: { overview: "Overview", tokens: "Shifted tokens", answers: "Answers" }
    });
    for (const run of runs) await run.loadTopLists();
  });
})();
