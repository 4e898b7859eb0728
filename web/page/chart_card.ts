// The frame of a chart: title, saving, and a tooltip that is text only.

import {fill, h} from './dom';

let tip: HTMLElement | null = null;

/** The charts' own tooltip: text only, near the pointer; nothing hides it. */
export function showTip(event: MouseEvent, value: unknown): void {
    tip ??= document.body.appendChild(h('div.chart-tip', {role: 'status', hidden: true}));
    tip.hidden = !value;
    if (!value) return;
    fill(tip, String(value));
    const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(8, x)}px`;
    tip.style.top = `${Math.max(8, event.clientY - tip.offsetHeight - 10)}px`;
}

export function download(name: string, content: Blob): void {
    const address = URL.createObjectURL(content);
    h('a', {href: address, download: name}).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** A card with a title and a button that saves the chart; `svgText()` gives (a promise of) the file's text. */
export function chartCard(title: string, name: string, svgText: () => string | Promise<string>): {card: HTMLElement; holder: HTMLElement} {
    const holder = h('div.chart');
    const save = h('button.quiet', {type: 'button', title: 'Save this chart as an SVG file', 'aria-label': `Save “${title}” as an SVG file`,
        onclick: () => {
            void Promise.resolve(svgText()).then((text) => download(`${name}.svg`, new Blob([text], {type: 'image/svg+xml'})));
        }}, 'SVG');
    return {card: h('figure.card', null, h('figcaption', null, title, save), holder), holder};
}
