// The KL along one answer as a small curve above its tokens: it stays in sight while they scroll, marks the token that the
// panel shows, and a click goes to a token.

import {h} from '../page/dom';
import {s} from '../page/svg';
import {formatNumber} from '../page/text';
import {kMostKl} from '../page/token_strip';

export interface KlCurve {
    readonly element: HTMLElement;
    mark(index: number | null): void;
}

/** `values`: nats per token; what is not finite stands at the top. `name`: "KL" or what stands for it. */
export function makeKlCurve(values: readonly number[], name: string, onChoose: (index: number) => void): KlCurve {
    const heightOf = (value: number): number => Number.isFinite(value) ? Math.min(1, value / kMostKl) : 1;
    const steps = values.map((value, i) => `${i ? 'L' : 'M'}${i},${(1 - heightOf(value)).toFixed(3)}h1`).join('');
    const marker = s('path', {class: 'marker', d: ''});
    const picture = s('svg', {viewBox: `0 0 ${values.length} 1`, preserveAspectRatio: 'none', 'aria-hidden': 'true'},
                      s('path', {class: 'area', d: `${steps}L${values.length},1L0,1Z`}), s('path', {class: 'line', d: steps}), marker);
    const label = h('small', null);
    const describe = (index: number | null): void => {
        label.textContent = index === null ? `${name}, 0 to ${kMostKl} nats` : `${name} ${formatNumber(values[index], 2)} nats at token ${index + 1}`;
    };
    describe(null);
    picture.addEventListener('click', (event) => {
        const {left, width} = picture.getBoundingClientRect();
        onChoose(Math.max(0, Math.min(values.length - 1, Math.floor((event.clientX - left) / width * values.length))));
    });
    return {
        element: h('div.kl-curve', null, picture, label),
        mark(index) {
            marker.setAttribute('d', index === null ? '' : `M${index + 0.5},0v1`);
            describe(index);
        },
    };
}
