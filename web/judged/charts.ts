// The charts of judged runs: radar, dots with intervals, and the line of one difference.

import type {Child} from '../page/dom';
import {colour, runColour, runDash, type Theme} from '../page/palette';
import {type LegendEntry, legendRows, lineSample, shortened, textWidth} from '../page/plot';
import {chart, line, mark, s, text, withTip} from '../page/svg';
import type {Interval} from './data';
import type {Judged} from './decided';

export interface Point {
    mean: number;
    ci95: Interval | null;
    tip: string;
}

/** The values of one run, one per axis; an axis without a value is left out of the line. */
export interface Series {
    label: string;
    index: number;
    values: (Point | null)[];
}

export interface Scale {
    low: number;
    high: number;
    theme: Theme;
    width: number;  // px
}

type Styled = Series & LegendEntry;

function styledOf(allSeries: readonly Series[], theme: Theme): Styled[] {
    return allSeries.map((series) => ({...series, fill: runColour(theme, series.index), dash: runDash(series.index).join(' ')}));
}

/** From `low` to `high` in steps of 1 or 2; both ends have one. */
function ticks(low: number, high: number): number[] {
    const step = high - low > 6 ? 2 : 1;
    const inner = Array.from({length: Math.floor((high - low) / step) + 1}, (_, i) => high - i * step).reverse();
    return inner[0] === low ? inner : [low, ...inner.filter((value) => value - low >= step / 2 + 0.5)];
}

const within = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));

/** `axes`: names, three or more; the scale runs from `low` in the middle to `high`. */
export function radar(axes: readonly string[], allSeries: readonly Series[], {low, high, theme, width}: Scale): SVGSVGElement {
    const styled = styledOf(allSeries, theme);
    const side = Math.min(120, Math.max(56, ...axes.map((name) => textWidth(name) * 0.8)));
    const radius = Math.max(60, Math.min(130, width / 2 - side));
    const [middleX, middleY] = [width / 2, radius + 34];
    const angle = (i: number): number => -Math.PI / 2 + 2 * Math.PI * i / axes.length;
    const at = (i: number, value: number): [number, number] => {
        const r = radius * (within(value, low, high) - low) / (high - low);
        return [middleX + r * Math.cos(angle(i)), middleY + r * Math.sin(angle(i))];
    };
    const pointsOf = (places: readonly [number, number][]): string => places.map((place) => place.map((x) => x.toFixed(1)).join(',')).join(' ');
    const grid = ticks(low, high).slice(1).map((value) => s('polygon', {points: pointsOf(axes.map((_, i) => at(i, value))), fill: 'none', stroke: colour('line')}));
    const spokes = axes.map((_, i) => line(middleX, middleY, ...at(i, high), colour('line')));
    const numbers = ticks(low, high).map((value) => text(middleX - 6, middleY - radius * (value - low) / (high - low) + 4, 'end', value, colour('muted')));
    const names = axes.map((name, i) => {
        const [x, y] = [middleX + (radius + 14) * Math.cos(angle(i)), middleY + (radius + 14) * Math.sin(angle(i))];
        const isMiddle = Math.abs(x - middleX) < 8;
        return text(x, y + (isMiddle && y < middleY ? 0 : 4), isMiddle ? 'middle' : x > middleX ? 'start' : 'end',
                    shortened(name, isMiddle ? width : Math.min(x, width - x)));
    });
    const placed = styled.map((series) => ({...series, points: series.values.flatMap((value, i) => value ? [{value, i, place: at(i, value.mean)}] : [])}));
    const areas = placed.map(({points, fill, dash}) => s('polygon', {
        points: pointsOf(points.map(({place}) => place)), fill, 'fill-opacity': .07,
        stroke: fill, 'stroke-width': 2, 'stroke-dasharray': dash, 'stroke-linejoin': 'round'}));
    const intervals = placed.map(({points, fill}) => points.map(({value, i}) =>
        value.ci95 ? line(...at(i, value.ci95[0]), ...at(i, value.ci95[1]), fill, 3.5) : null));
    // Above everything else: under an area of another run the pointer would not reach them.
    const marks = placed.map(({points, index, fill}) => points.map(({value, place}) => withTip(mark(...place, index, fill, 4.5), value.tip)));
    const below = middleY + radius + 36;
    const key = legendRows(styled, 8, below, width - 16, lineSample);
    return chart(width, below + key.height - 8, describe('Radar', axes, styled), grid, spokes, numbers, names, areas, intervals, marks, key.element);
}

/** A row an axis, the highest mean first; a dot and its interval a run, with its number beside it. */
export function dots(axes: readonly string[], allSeries: readonly Series[], {low, high, theme, width}: Scale): SVGSVGElement {
    const styled = styledOf(allSeries, theme);
    const left = Math.min(width * 0.3, 16 + Math.max(...axes.map(textWidth)));
    const [right, step, gap] = [52, 20, 12];
    const key = styled.length > 1 ? legendRows(styled, 8, 12, width - 16, lineSample) : null;
    const top = 30 + (key?.height ?? 0);
    const x = (value: number): number => left + (width - left - right) * (within(value, low, high) - low) / (high - low);
    const meanOf = (a: number): number => {
        const values = styled.flatMap(({values}) => values[a] ? [values[a].mean] : []);
        return values.reduce((sum, value) => sum + value, 0) / values.length;
    };
    const order = axes.map((_, a) => a).filter((a) => styled.some(({values}) => values[a])).sort((a, b) => meanOf(b) - meanOf(a));
    const rowHeight = step * styled.length + gap;
    const bottom = top + order.length * rowHeight;
    const grid = ticks(low, high).map((value) => [line(x(value), top - 6, x(value), bottom, colour('line')),
                                                  text(x(value), top - 11, 'middle', value, colour('muted'))]);
    const rows = order.map((a, row): Child => {
        const y = top + row * rowHeight;
        return [row ? line(0, y - gap / 2 + 2, width, y - gap / 2 + 2, colour('line'), .6) : null,
                text(left - 12, y + step * styled.length / 2 + 5, 'end', shortened(axes[a], left - 14)),
                styled.map(({values, fill, index}, i) => {
                    const value = values[a];
                    if (!value) return null;
                    const middle = y + step * (i + 0.5);
                    return withTip(s('g', null,
                        value.ci95 ? line(x(value.ci95[0]), middle, x(value.ci95[1]), middle, fill, 3) : null,
                        mark(x(value.mean), middle, index, fill, 5.5),
                        text(x(value.ci95?.[1] ?? value.mean) + 12, middle + 4, 'start', value.mean.toFixed(2), colour('muted'))), value.tip);
                })];
    });
    return chart(width, bottom + 6, describe('Means', axes, styled), key?.element, grid, rows);
}

/** A difference with its interval on a line from -reach to reach. A filled disc is decided, a hollow one is not. */
export function differenceLine({difference, decided}: Judged, reach: number): SVGSVGElement {
    const [width, height] = [480, 26];
    const x = (value: number): number => width / 2 + (width / 2 - 8) * within(value / reach, -1, 1);
    const [low, high] = difference.ci95 ?? [difference.mean, difference.mean];
    const fill = decided ? colour('accent') : colour('muted');
    return chart(width, height, `${difference.mean.toFixed(2)}, 95 % interval ${low.toFixed(2)} to ${high.toFixed(2)}, ${decided ? 'decided' : 'not decided'}`,
                 line(0, height / 2, width, height / 2, colour('line')),
                 line(width / 2, 2, width / 2, height - 2, colour('muted'), 1, '2 3'),
                 line(x(low), height / 2, x(high), height / 2, fill, decided ? 4 : 2),
                 s('circle', {cx: x(difference.mean), cy: height / 2, r: 5.5, fill: decided ? fill : colour('surface'), stroke: fill, 'stroke-width': 2}));
}

/** A share with its interval on a line from 0 to 1 with one half in the middle. */
export function shareLine(share: number, ci95: Interval | null): SVGSVGElement {
    const [width, height] = [300, 26];
    const x = (value: number): number => 8 + (width - 16) * within(value, 0, 1);
    const [low, high] = ci95 ?? [share, share];
    return chart(width, height, `${(100 * share).toFixed(1)} %, 95 % interval ${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)}`,
                 line(x(0), height / 2, x(1), height / 2, colour('line')),
                 line(x(0.5), 2, x(0.5), height - 2, colour('muted'), 1, '2 3'),
                 line(x(low), height / 2, x(high), height / 2, colour('accent'), 4), mark(x(share), height / 2, 0, colour('accent'), 5));
}

function describe(kind: string, axes: readonly string[], series: readonly Series[]): string {
    return `${kind}: ` + series.map(({label, values}) =>
        `${label}: ${axes.map((name, i) => `${name} ${values[i]?.mean.toFixed(2) ?? 'none'}`).join(', ')}`).join('; ');
}
