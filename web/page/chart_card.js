// The frame of a chart: title, saving, and a tooltip that is text only.

import {h} from './dom.js';

let tip = null;

/** The charts' own tooltip: text only, near the pointer. */
export function showTip(event, item, value) {
    tip ??= document.body.appendChild(h('div.chart-tip', {role: 'status', hidden: true}));
    tip.hidden = !value;
    if (!value) return;
    tip.textContent = String(value);
    const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(8, x)}px`;
    tip.style.top = `${Math.max(8, event.clientY - tip.offsetHeight - 10)}px`;
}

function download(name, type, content) {
    const address = URL.createObjectURL(new Blob([content], {type}));
    h('a', {href: address, download: name}).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** A card with a title and a button that saves the chart; `svgText()` gives (a promise of) the file's text. */
export function chartCard(title, name, svgText) {
    const holder = h('div.chart');
    const card = h('figure.card', null, h('figcaption', null, title), holder);
    const save = h('button.quiet', {type: 'button', title: 'Save this chart as an SVG file', onclick: async () => {
        download(`${name}.svg`, 'image/svg+xml', await svgText());
    }}, 'SVG');
    card.firstChild.append(save);
    return {card, holder};
}
