// What every report is made of: a heading, tabs with views, a switch between themes. The address says which view is open,
// what in it, and its filters (address.ts): it can be copied, survives a reload, and the browser's Back goes back.

import {placeOf, type Place, readAddress, writeAddress} from './address';
import {type Child, fill, h} from './dom';
import {plainText} from './text';
import {applyTheme, themeButton} from './theme';

/** A view is drawn when it is shown first. */
export interface View {
    readonly title: string;
    readonly element: HTMLElement;
    draw?(): void;                // the charts; again for another theme
    open?(place: Place): void;    // shows what an address says; without it the view has one place
    place?(): Place;              // what the view shows now
}

export interface Shell {
    /** Opens a view, a step that Back undoes. */
    show(name: string): void;
    /** The view shows something else: `step` is one that Back undoes, otherwise the address changes in place. */
    moved(name: string, step: boolean): void;
}

interface Entry {
    scroll: number;
}

export function makeShell({title, subtitle, views}: {title: string; subtitle: Child; views: ReadonlyMap<string, View>}): Shell {
    const names = [...views.keys()];
    const opened = new Map<string, string>();        // the address that a view shows
    const focused = new Map<string, HTMLElement>();  // what had the focus when it was left
    let current = '';

    const tabs = names.map((name) => h('button.tab', {type: 'button', role: 'tab', id: `tab-${name}`, 'aria-controls': `view-${name}`,
        onclick: () => show(name)}, views.get(name)!.title));
    const panels = names.map((name) => h('div.view', {role: 'tabpanel', id: `view-${name}`, 'aria-labelledby': `tab-${name}`, hidden: true},
        views.get(name)!.element));
    const list = h('div.tabs', {role: 'tablist', 'aria-label': 'Views', onkeydown: (event) => {
        const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
        if (!step) return;
        const next = tabs[(names.indexOf(current) + step + names.length) % names.length];
        next.click();
        next.focus();
    }}, tabs);

    function addressOf(name: string): string {
        return writeAddress(name, views.get(name)!.place?.() ?? placeOf());
    }

    function reveal(name: string): void {
        const {activeElement} = document;
        if (current && activeElement instanceof HTMLElement && views.get(current)!.element.contains(activeElement)) focused.set(current, activeElement);
        current = name;
        names.forEach((other, i) => {
            const selected = other === name;
            panels[i].hidden = !selected;
            tabs[i].setAttribute('aria-selected', String(selected));
            tabs[i].tabIndex = selected ? 0 : -1;
        });
        const view = views.get(name)!;
        if (!opened.has(name)) {
            view.draw?.();
            view.open?.(placeOf());
        }
        opened.set(name, addressOf(name));
    }

    /** A new entry of the history; the one that is left keeps where it was scrolled to. */
    function step(address: string): void {
        rememberScroll();
        if (address !== location.hash) history.pushState({scroll: 0} satisfies Entry, '', address);
    }

    function rememberScroll(): void {
        history.replaceState({scroll: scrollY} satisfies Entry, '', location.hash || location.pathname);
    }

    function show(name: string): void {
        if (name === current) return;
        rememberScroll();
        reveal(name);
        if (addressOf(name) !== location.hash) history.pushState({scroll: 0} satisfies Entry, '', addressOf(name));
        scrollTo(0, 0);
    }

    function moved(name: string, isStep: boolean): void {
        const address = addressOf(name);
        opened.set(name, address);
        if (current !== name) {
            show(name);
        } else if (isStep) {
            step(address);
        } else {
            history.replaceState(history.state, '', address);
        }
    }

    /** Shows what the address says: at the start, after Back, or after somebody has written another one. */
    function open(state: Entry | null): void {
        const {name: wanted, place} = readAddress(location.hash);
        const name = views.has(wanted) ? wanted : names[0];
        const before = current;
        const view = views.get(name)!;
        if (view.open && name === wanted && opened.get(name) !== writeAddress(name, place)) {
            if (!opened.has(name)) view.draw?.();
            panels[names.indexOf(name)].hidden = false;
            view.open(place);
            opened.set(name, addressOf(name));
        }
        reveal(name);
        if (state) scrollTo(0, state.scroll);
        if (before && before !== name) focused.get(name)?.focus({preventScroll: true});
    }

    document.title = plainText(title);
    history.scrollRestoration = 'manual';
    const app = document.getElementById('app')!;
    const redraw = (): void => { for (const name of opened.keys()) views.get(name)!.draw?.(); };
    fill(app,
        h('header.page', null,
            h('div.masthead', null, h('div', null, h('h1', null, title), h('p.subtitle', null, subtitle)), themeButton(redraw)),
            h('nav', {'aria-label': 'Views'}, list)),
        h('main', null, panels));
    addEventListener('popstate', (event) => open(event.state as Entry | null));
    addEventListener('pagehide', rememberScroll);
    open(history.state as Entry | null);
    document.documentElement.dataset.ready = 'true';
    return {show, moved};
}

/** Runs `start` under the system's theme; what goes wrong is shown in the page. */
export function runPage(start: () => Promise<void>): void {
    applyTheme();
    start().then(() => { document.documentElement.dataset.complete = 'true'; }).catch((failure: unknown) => {
        const message = failure instanceof Error ? failure.message : String(failure);
        fill(document.getElementById('app')!, h('main', null, h('h1', null, 'This report cannot be shown'),
            h('p', null, `${message}. It needs a browser of 2023 or later (DecompressionStream).`)));
        throw failure;
    });
}
