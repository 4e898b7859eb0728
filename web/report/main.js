// Puts the page together: reads the data blocks, makes three views, switches between them and between themes.

import {AnswersView} from './answers.js';
import {loadRun, readHeader} from './data.js';
import {formatCount, h} from './dom.js';
import {makeOverview} from './overview.js';
import {makeTokensView} from './tokens_table.js';

const kViews = [['overview', 'Overview'], ['tokens', 'Shifted tokens'], ['answers', 'Answers']];
const kThemes = ['auto', 'light', 'dark'];

const darkSystem = matchMedia('(prefers-color-scheme: dark)');
let chosenTheme = 'auto';

function currentTheme() {
    if (chosenTheme !== 'auto') return chosenTheme;
    return darkSystem.matches ? 'dark' : 'light';
}

function applyTheme() {
    document.documentElement.dataset.theme = currentTheme();
}

function themeButton(onChange) {
    const change = () => {
        applyTheme();
        onChange();
    };
    const button = h('button.quiet', {type: 'button', title: 'Colours: as the system, light, dark', onclick: () => {
        chosenTheme = kThemes[(kThemes.indexOf(chosenTheme) + 1) % kThemes.length];
        button.textContent = `theme: ${chosenTheme}`;
        change();
    }}, 'theme: auto');
    darkSystem.addEventListener('change', change);
    return button;
}

function pageHead(header, runs, tabs, button) {
    const answers = new Set(runs.flatMap((run) => run.answers.map((answer) => answer.id))).size;
    const positions = runs.reduce((sum, run) => sum + run.positions, 0);
    return h('header.page', null,
        h('div.masthead', null,
            h('div', null, h('h1', null, header.title),
                h('p.subtitle', null, runs.map((run) => run.header.pair).filter((pair, i, all) => all.indexOf(pair) === i).join(' · '),
                  h('span', null, ` — ${formatCount(answers)} answers, ${formatCount(positions)} tokens`))),
            button),
        h('nav', null, tabs));
}

async function start() {
    applyTheme();
    const header = readHeader();
    document.title = header.title;
    const runs = await Promise.all(header.runs.map((run, i) => loadRun(i, run)));
    const licences = JSON.parse(document.getElementById('licences').textContent);

    const answers = new AnswersView(runs);
    const tokens = makeTokensView(runs, {onToken: (run, text) => { answers.filterByToken(run, text); show('answers', true); }});
    const overview = makeOverview(runs, {licences, theme: currentTheme, onTag: (tag) => { answers.filterByTag(tag); show('answers', true); }});
    const views = {overview, tokens, answers};
    const rendered = new Set();

    const tabs = h('div.tabs', {role: 'tablist'}, kViews.map(([name, title]) =>
        h('button.tab', {type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': `view-${name}`, onclick: () => show(name)}, title)));
    tabs.addEventListener('keydown', (event) => {
        const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
        if (!step) return;
        const next = tabs.children[([...tabs.children].indexOf(document.activeElement) + step + kViews.length) % kViews.length];
        next.focus();
        next.click();
    });
    const panels = kViews.map(([name]) => h('div.view', {role: 'tabpanel', id: `view-${name}`, 'aria-labelledby': `tab-${name}`, hidden: true},
        views[name].element));

    /** `fresh`: the view was just rendered by a filter. */
    function show(name, fresh = false) {
        kViews.forEach(([other], i) => {
            const selected = other === name;
            panels[i].hidden = !selected;
            tabs.children[i].setAttribute('aria-selected', String(selected));
            tabs.children[i].tabIndex = selected ? 0 : -1;
        });
        if (!fresh && !rendered.has(name)) (views[name].draw ?? views[name].render).call(views[name]);
        rendered.add(name);
        scrollTo(0, 0);
        history.replaceState(null, '', `#${name}`);
    }

    const redraw = () => rendered.has('overview') && overview.draw();
    document.getElementById('app').replaceChildren(pageHead(header, runs, tabs, themeButton(redraw)), h('main', null, panels));
    const wanted = location.hash.slice(1);
    show(wanted in views ? wanted : 'overview');
    document.documentElement.dataset.ready = 'true';
    for (const run of runs) await run.loadTopLists();
    document.documentElement.dataset.complete = 'true';
}

start().catch((failure) => {
    document.getElementById('app').replaceChildren(h('main', null, h('h1', null, 'This report cannot be shown'),
        h('p', null, `${failure.message}. It needs a browser of 2023 or later (DecompressionStream).`)));
    throw failure;
});
