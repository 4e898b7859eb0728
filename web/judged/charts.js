// The charts of judged runs: radar, bars with intervals, and the line of one difference. A series is {label, index,
// values: [{mean, ci95: [low, high]|null, tip}|null per axis]}; an axis without a value is left out of the line.

import {colour, kDashes, kRunColours} from '../page/palette.js';
import {chart, legend, line, mark, s, text, withTip} from './svg.js';

function look(series, theme) {
    return {...series, fill: kRunColours[theme][series.index % 6], dash: kDashes[series.index % 6].join(' ')};
}

function ticks(low, high) {
    const step = high - low > 6 ? 2 : 1;
    return Array.from({length: Math.floor((high - low) / step) + 1}, (_, i) => high - i * step).reverse();
}

/** `axes`: names, three or more; the scale runs from `low` in the middle to `high`. */
export function radar(axes, allSeries, {low, high, theme}) {
    const styled = allSeries.map((series) => look(series, theme));
    const [width, radius, middleX, middleY] = [560, 128, 280, 168];
    const angle = (i) => -Math.PI / 2 + 2 * Math.PI * i / axes.length;
    const at = (i, value) => {
        const r = radius * (value - low) / (high - low);
        return [middleX + r * Math.cos(angle(i)), middleY + r * Math.sin(angle(i))];
    };
    const ring = (value) => axes.map((_, i) => at(i, value).map((x) => x.toFixed(1)).join(',')).join(' ');
    const grid = ticks(low, high).slice(1).map((value) => s('polygon', {points: ring(value), fill: 'none', stroke: colour('line')}));
    const spokes = axes.map((_, i) => line(middleX, middleY, ...at(i, high), colour('line')));
    const numbers = ticks(low, high).map((value) => text(middleX - 6, middleY - radius * (value - low) / (high - low) + 4, 'end', value, colour('muted')));
    const names = axes.map((name, i) => {
        const [x, y] = [middleX + (radius + 16) * Math.cos(angle(i)), middleY + (radius + 14) * Math.sin(angle(i))];
        return text(x, y + 4, Math.abs(x - middleX) < 8 ? 'middle' : x > middleX ? 'start' : 'end', name);
    });
    const placed = styled.map((series) => ({...series, points: series.values.flatMap((value, i) => value ? [{value, i, place: at(i, value.mean)}] : [])}));
    const areas = placed.map(({points, fill, dash}) => s('polygon', {
        points: points.map(({place}) => place.map((x) => x.toFixed(1)).join(',')).join(' '), fill, 'fill-opacity': .07,
        stroke: fill, 'stroke-width': 2, 'stroke-dasharray': dash, 'stroke-linejoin': 'round'}));
    const intervals = placed.map(({points, fill}) => points.map(({value, i}) =>
        value.ci95 ? line(...at(i, value.ci95[0]), ...at(i, value.ci95[1]), fill, 3.5) : null));
    // Above everything else: under an area of another run the pointer would not reach them.
    const marks = placed.map(({points, index, fill}) => points.map(({value, place}) => withTip(mark(...place, index, fill, 4.5), value.tip)));
    const height = 330 + 20 * styled.length;
    return chart(width, height, describe('Radar', axes, styled), grid, spokes, numbers, names, areas, intervals, marks,
                 legend(middleX - 120, 344, styled));
}

/** Bars from the lowest value of the scale, with intervals; one group an axis. */
export function bars(axes, allSeries, {low, high, theme}) {
    const styled = allSeries.map((series) => look(series, theme));
    const [width, left, top, plot] = [760, 34, 14, 296];
    const group = (width - left - 8) / axes.length;
    const bar = Math.min(46, (group * 0.78) / styled.length);
    const y = (value) => top + plot * (1 - (value - low) / (high - low));
    const grid = ticks(low, high).map((value) => [line(left, y(value), width - 8, y(value), colour('line')),
                                                  text(left - 8, y(value) + 4, 'end', value, colour('muted'))]);
    const groups = axes.map((name, a) => {
        const middle = left + group * (a + 0.5);
        return [text(middle, top + plot + 20, 'middle', name), styled.map(({values, fill, index}, i) => {
            const value = values[a];
            if (!value) return null;
            const x = middle + (i - styled.length / 2) * bar;
            const centre = x + bar / 2;
            return withTip(s('g', null,
                s('rect', {x: x + 1, y: y(value.mean), width: bar - 2, height: Math.max(0, y(low) - y(value.mean)), rx: 2, fill, 'fill-opacity': .82}),
                value.ci95 ? [line(centre, y(value.ci95[0]), centre, y(value.ci95[1]), colour('ink'), 1.6),
                              value.ci95.map((end) => line(centre - 4, y(end), centre + 4, y(end), colour('ink'), 1.6))] : null,
                styled.length > 1 ? mark(centre, y(low) - 9, index, colour('surface'), 3.5) : null), value.tip);
        })];
    });
    const single = styled.length === 1;
    return chart(width, 340 + (single ? 0 : 20 * styled.length + 8), describe('Bars', axes, styled), grid, groups,
                 single ? null : legend(left, 356, styled));
}

/** A difference with its interval on a line from -reach to reach. */
export function differenceLine(difference, reach) {
    const [width, height] = [480, 26];
    const x = (value) => width / 2 + (width / 2 - 8) * Math.max(-1, Math.min(1, value / reach));
    const [low, high] = difference.ci95 ?? [difference.mean, difference.mean];
    const decided = low > 0 || high < 0;
    const fill = decided ? colour('accent') : colour('muted');
    return chart(width, height, `${difference.mean.toFixed(2)}, 95 % interval ${low.toFixed(2)} to ${high.toFixed(2)}`,
                 line(0, height / 2, width, height / 2, colour('line')),
                 line(width / 2, 2, width / 2, height - 2, colour('muted'), 1, '2 3'),
                 line(x(low), height / 2, x(high), height / 2, fill, 4),
                 mark(x(difference.mean), height / 2, decided ? 0 : 3, fill, 5));
}

function describe(kind, axes, series) {
    return `${kind}: ` + series.map(({label, values}) =>
        `${label}: ${axes.map((name, i) => `${name} ${values[i] ? values[i].mean.toFixed(2) : 'none'}`).join(', ')}`).join('; ');
}
