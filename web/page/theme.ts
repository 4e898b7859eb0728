// The theme: as the system has it, light or dark. `data-theme` of the root element says which; page.css has the colours.

import {h} from './dom';
import type {Theme} from './palette';

export type ThemeChoice = 'auto' | Theme;
const kChoices: readonly ThemeChoice[] = ['auto', 'light', 'dark'];

const darkSystem = matchMedia('(prefers-color-scheme: dark)');
let chosen: ThemeChoice = 'auto';
let forPaper = false;

export function currentTheme(): Theme {
    if (forPaper) return 'light';
    if (chosen !== 'auto') return chosen;
    return darkSystem.matches ? 'dark' : 'light';
}

export function applyTheme(): void {
    document.documentElement.dataset.theme = currentTheme();
}

export function chooseTheme(choice: ThemeChoice): void {
    chosen = choice;
    applyTheme();
}

/** Calls `onChange` when the system's theme changes, and before and after printing, which is always light. */
export function watchTheme(onChange: () => void): void {
    const change = (): void => {
        applyTheme();
        onChange();
    };
    darkSystem.addEventListener('change', change);
    for (const [name, paper] of [['beforeprint', true], ['afterprint', false]] as const) {
        addEventListener(name, () => {
            const before = currentTheme();
            forPaper = paper;
            if (currentTheme() !== before) change();
        });
    }
}

/** A button that goes through the three choices. */
export function themeButton(onChange: () => void): HTMLButtonElement {
    const button = h('button.quiet', {type: 'button', title: 'Colours: as the system, light, dark', onclick: () => {
        chooseTheme(kChoices[(kChoices.indexOf(chosen) + 1) % kChoices.length]);
        button.textContent = `theme: ${chosen}`;
        onChange();
    }}, `theme: ${chosen}`);
    watchTheme(onChange);
    return button;
}
