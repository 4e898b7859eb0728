// The charting libraries as one script that sets globalThis.urialCharts. Expressions are interpreted, not compiled, so
// that the page's content policy needs no 'unsafe-eval'; nothing here loads data from anywhere.

import {compile} from 'vega-lite';
import {expressionInterpreter} from 'vega-interpreter';
import {parse, View} from 'vega';

const noLoader = {
    load: () => Promise.reject(new Error('a report loads nothing')),
    sanitize: () => Promise.reject(new Error('a report links nowhere')),
};

/** Draws a Vega-Lite specification into `element`; resolves to the view. `onTooltip(event, item, value)` gets hovers. */
async function draw(element, specification, onTooltip) {
    const runtime = parse(compile(specification).spec, null, {ast: true});
    const view = new View(runtime, {expr: expressionInterpreter, renderer: 'svg', loader: noLoader, hover: true});
    view.tooltip((handler, event, item, value) => onTooltip(event, item, value));
    await view.initialize(element).runAsync();
    return view;
}

globalThis.urialCharts = {draw};
