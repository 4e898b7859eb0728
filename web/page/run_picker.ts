// Which runs stand side by side: one button a run, at least one of them pressed.

import {h} from './dom';

interface RunPickerOptions<Run> {
    runs: readonly Run[];
    shown(): readonly Run[];
    onChoose(shown: Run[]): void;
}

export interface RunPicker {
    element: HTMLElement | null;  // null where there is one run
    /** After other runs have been chosen elsewhere. */
    update(): void;
}

export function makeRunPicker<Run extends {label: string}>({runs, shown, onChoose}: RunPickerOptions<Run>): RunPicker {
    const toggle = (run: Run): void => {
        const chosen = runs.filter((other) => shown().includes(other) !== (other === run));
        if (chosen.length) onChoose(chosen);
    };
    const pills = runs.map((run) => h('button.pill', {type: 'button', onclick: () => toggle(run)}, run.label));
    return {
        element: runs.length < 2 ? null : h('div.pills', {role: 'group', 'aria-label': 'Runs side by side'}, pills),
        update: () => pills.forEach((pill, i) => pill.setAttribute('aria-pressed', String(shown().includes(runs[i])))),
    };
}
