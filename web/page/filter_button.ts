// Filters folded into one button, and the chosen ones as chips that take them away.

import {type Child, fill, h} from './dom';

export interface Chip {
    label: string;
    onRemove(): void;
}

export interface FilterButton {
    readonly element: HTMLElement;
    readonly chips: HTMLElement;
    update(chips: readonly Chip[]): void;
}

/** `controls`: [label, control]. */
export function makeFilterButton(controls: readonly (readonly [string, HTMLElement])[]): FilterButton {
    const summary = h('summary.quiet', null, 'Filters');
    const element = h('details.filters', null, summary,
        h('div.card.filter-panel', null, controls.map(([label, control]): Child => h('label', null, h('span', null, label), control))));
    const chips = h('span.chips');
    element.addEventListener('keydown', (event) => {
        if (event.key !== 'Escape' || !element.open) return;
        element.open = false;
        summary.focus();
    });
    document.addEventListener('pointerdown', (event) => {
        if (event.target instanceof Node && !element.contains(event.target)) element.open = false;
    });
    return {
        element, chips,
        update(chosen) {
            fill(summary, chosen.length ? `Filters (${chosen.length})` : 'Filters');
            fill(chips, chosen.map(({label, onRemove}) => h('button.chip', {type: 'button', title: 'Remove this filter', onclick: onRemove}, `${label} ✕`)));
        },
    };
}
