// The charting libraries as one script that sets globalThis.urialCharts. Expressions are interpreted, not compiled, so
// that the page's content policy needs no 'unsafe-eval'; nothing here loads data from anywhere.

import {compile, type TopLevelSpec} from 'vega-lite';
import {expressionInterpreter} from 'vega-interpreter';
import {type Loader, parse, View} from 'vega';

const kNothing = (): Promise<never> => Promise.reject(new Error('a report loads nothing and links nowhere'));
const noLoader: Loader = {load: kNothing, sanitize: kNothing, http: kNothing, file: kNothing};

/** Draws a Vega-Lite specification into `element`; resolves to the view. `onTooltip(event, value)` gets hovers. */
async function draw(element: HTMLElement, specification: TopLevelSpec, onTooltip: (event: MouseEvent, value: unknown) => void): Promise<View> {
    const runtime = parse(compile(specification).spec, undefined, {ast: true});
    const view = new View(runtime, {expr: expressionInterpreter, renderer: 'svg', loader: noLoader, hover: true});
    view.tooltip((_handler, event, _item, value) => onTooltip(event as MouseEvent, value));
    await view.initialize(element).runAsync();
    return view;
}

Object.assign(globalThis, {urialCharts: {draw}});
