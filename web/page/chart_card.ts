// The frame of a chart: title, saving, a tooltip that is text only; drawn at the width that it has, so that its letters
// keep their size.

import {fill, h} from './dom';
import {download, pngOf, svgText} from './save';

const kDefaultWidth = 460;  // px, of a chart that is not on the screen

let tip: HTMLElement | null = null;

/** The charts' own tooltip: text only, near the pointer; nothing hides it. */
export function showTip(event: MouseEvent, value: string | null): void {
    tip ??= document.body.appendChild(h('div.chart-tip', {role: 'status', hidden: true}));
    tip.hidden = !value;
    if (!value) return;
    fill(tip, value);
    const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(8, x)}px`;
    tip.style.top = `${Math.max(8, event.clientY - tip.offsetHeight - 10)}px`;
}

/** Buttons that save a picture. */
export function saveButtons(title: string, name: string, picture: () => SVGSVGElement): HTMLElement {
    const button = (kind: string, save: () => void): HTMLElement => h('button.quiet', {type: 'button', title: `Save as ${kind}`,
        'aria-label': `Save “${title}” as ${kind}`, onclick: save}, kind);
    return h('span.save', null,
        button('SVG', () => download(`${name}.svg`, new Blob([svgText(picture())], {type: 'image/svg+xml'}))),
        button('PNG', () => { void pngOf(picture()).then((image) => download(`${name}.png`, image)); }));
}

export interface ChartCard {
    card: HTMLElement;
    /** Again: for another theme, or other numbers. */
    draw(): void;
}

/** A card with a title and buttons that save the chart; `make(width)` draws it. */
export function chartCard(title: string, name: string, make: (width: number) => SVGSVGElement): ChartCard {
    const holder = h('div.chart');
    let drawnAt = 0;
    const draw = (): void => {
        drawnAt = holder.clientWidth || drawnAt || kDefaultWidth;
        holder.replaceChildren(make(drawnAt));
    };
    new ResizeObserver(() => {
        if (holder.firstChild && holder.clientWidth && Math.abs(holder.clientWidth - drawnAt) > 1) draw();
    }).observe(holder);
    return {card: h('figure.card', null, h('figcaption', null, title, saveButtons(title, name, () => holder.firstChild as SVGSVGElement)), holder), draw};
}
