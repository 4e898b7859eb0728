// What every page is made of: a heading, tabs with views, a switch between themes. A view is {element, draw() or
// render()}; it is drawn when it is shown first. "#name" in the address opens a view, "#name/ID" one thing in it
// (view.showOnly(ID)).

import {h} from './dom.js';

const kThemes = ['auto', 'light', 'dark'];

const darkSystem = matchMedia('(prefers-color-scheme: dark)');
let chosenTheme = 'auto';

export function currentTheme() {
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

function wantedView(views) {
    const [name, id] = location.hash.slice(1).split('/');
    if (!(name in views)) return [Object.keys(views)[0], null];
    try {
        return [name, id ? decodeURIComponent(id) : null];
    } catch {
        return [name, null];
    }
}

/**
 * Puts the page together. `subtitle`: what stands under the title; `views`: {name: view}, `titles`: {name: title}, both
 * in the order of the tabs; what has a draw() is drawn again for another theme. Returns show(name, fresh).
 */
export function makeShell({title, subtitle, views, titles}) {
    const names = Object.keys(views);
    const drawn = new Set();
    const tabs = h('div.tabs', {role: 'tablist'}, names.map((name) =>
        h('button.tab', {type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': `view-${name}`, onclick: () => show(name)}, titles[name])));
    tabs.addEventListener('keydown', (event) => {
        const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
        if (!step) return;
        const next = tabs.children[([...tabs.children].indexOf(document.activeElement) + step + names.length) % names.length];
        next.focus();
        next.click();
    });
    const panels = names.map((name) => h('div.view', {role: 'tabpanel', id: `view-${name}`, 'aria-labelledby': `tab-${name}`, hidden: true},
        views[name].element));

    /** `fresh`: a filter has just rendered the view. */
    function show(name, fresh = false) {
        names.forEach((other, i) => {
            const selected = other === name;
            panels[i].hidden = !selected;
            tabs.children[i].setAttribute('aria-selected', String(selected));
            tabs.children[i].tabIndex = selected ? 0 : -1;
        });
        if (!fresh && !drawn.has(name)) (views[name].draw ?? views[name].render).call(views[name]);
        drawn.add(name);
        scrollTo(0, 0);
        history.replaceState(null, '', `#${name}`);
    }

    function open() {
        const [name, id] = wantedView(views);
        if (id !== null) views[name].showOnly?.(id);
        show(name, id !== null && 'showOnly' in views[name]);
    }

    document.title = title;
    const redraw = () => [...drawn].forEach((name) => views[name].draw?.());
    document.getElementById('app').replaceChildren(
        h('header.page', null,
            h('div.masthead', null, h('div', null, h('h1', null, title), h('p.subtitle', null, subtitle)), themeButton(redraw)),
            h('nav', null, tabs)),
        h('main', null, panels));
    addEventListener('hashchange', open);
    open();
    document.documentElement.dataset.ready = 'true';
    return show;
}

/** Runs `start` under the system's theme; what goes wrong is shown in the page. */
export function runPage(start) {
    applyTheme();
    start().then(() => { document.documentElement.dataset.complete = 'true'; }).catch((failure) => {
        document.getElementById('app').replaceChildren(h('main', null, h('h1', null, 'This report cannot be shown'),
            h('p', null, `${failure.message}. It needs a browser of 2023 or later (DecompressionStream).`)));
        throw failure;
    });
}
