// Which runs stand side by side: one button a run, at least one of them pressed. `host` has `runs`, `shownRuns` and
// `render()`. Nothing where there is one run.

import {h} from './dom.js';

export function makeRunPicker(host) {
    if (host.runs.length < 2) return null;
    return h('div.pills', {role: 'group', 'aria-label': 'Runs side by side'}, host.runs.map((run) => {
        const pill = h('button.pill', {type: 'button', 'aria-pressed': String(host.shownRuns.includes(run)), onclick: () => {
            const on = host.shownRuns.includes(run);
            if (on && host.shownRuns.length === 1) return;
            host.shownRuns = host.runs.filter((other) => other === run ? !on : host.shownRuns.includes(other));
            pill.setAttribute('aria-pressed', String(!on));
            host.render();
        }}, run.label);
        return pill;
    }));
}
