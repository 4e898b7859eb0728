// One answer as a picture for a slide: question, coloured tokens, what the colours mean.

import {h} from '../page/dom';
import {colour} from '../page/palette';
import {classOf, kClasses, type ShiftClass} from '../page/position';
import {chart, line, s} from '../page/svg';
import {formatPercent, plainText, runningToken} from '../page/text';
import type {StripToken} from '../page/token_strip';

const kWidth = 900;
const kMargin = 34;
const kFont = 18;
const kLine = 32;
const kFamily = 'system-ui, sans-serif';

interface Piece {
    text: string;
    kind: ShiftClass | null;
    isBold: boolean;
}

type Placed = Piece & {x: number; y: number; width: number};

/** Pieces one after the other in lines of the picture's width; returns the height below the last line. */
function layOut(pieces: readonly Piece[], top: number, placed: Placed[]): number {
    const context = h('canvas').getContext('2d')!;
    const right = kWidth - kMargin;
    let [x, y] = [kMargin, top];
    for (const piece of pieces) {
        context.font = `${piece.isBold ? 600 : 400} ${kFont}px ${kFamily}`;
        piece.text.split('\n').forEach((part, i) => {
            if (i) [x, y] = [kMargin, y + kLine];
            let text = part;
            let width = context.measureText(text).width;
            if (x > kMargin && x + width > right) {
                [x, y] = [kMargin, y + kLine];
                text = text.trimStart();
                width = context.measureText(text).width;
            }
            const spaces = text.length - text.trimStart().length;
            const before = context.measureText(text.slice(0, spaces)).width;
            if (text.length > spaces) placed.push({...piece, text: text.slice(spaces), x: x + before, y, width: width - before});
            x += width;
        });
    }
    return y + kLine;
}

function drawn({text, kind, isBold, x, y, width}: Placed): SVGElement {
    const paint = kind === 'marginal' || kind === 'shifted' ? colour(kind) : null;
    return s('g', null,
        paint ? s('rect', {x: x - 1, y: y - kFont + 1, width: width + 2, height: kFont + 6, rx: 3, fill: paint, 'fill-opacity': .22}) : null,
        s('text', {x, y, 'font-size': kFont, 'font-weight': isBold ? 600 : 400, fill: colour('ink'), textLength: width.toFixed(1), lengthAdjust: 'spacingAndGlyphs'}, text),
        kind === 'marginal' && paint ? line(x, y + 6, x + width, y + 6, paint, 2, '0 4') : null,
        kind === 'shifted' && paint ? [line(x, y + 5, x + width, y + 5, paint, 1.5), line(x, y + 8, x + width, y + 8, paint, 1.5)] : null);
}

/** `shares`: of the three classes. */
export function answerPicture(instruction: string, label: string, tokens: readonly StripToken[], shares: readonly number[]): SVGSVGElement {
    const placed: Placed[] = [];
    const words = plainText(instruction).split(/(?<=\s)/).map((text): Piece => ({text, kind: null, isBold: true}));
    const below = layOut(words, kMargin + kFont, placed) + 12;
    const bottom = layOut(tokens.map(({text, base}): Piece => {
        const kind = classOf(base.rank);
        return {text: runningToken(text), kind, isBold: kind === 'shifted'};
    }), below, placed) + 14;
    const key = layOut([...kClasses.flatMap((kind, i): Piece[] => [{text: `${kind} ${formatPercent(shares[i])}`, kind, isBold: false}, {text: '     ', kind: null, isBold: false}]),
                        {text: plainText(label), kind: null, isBold: false}], bottom, placed);
    return chart(kWidth, key + 4, `Answer to: ${instruction}`, placed.map(drawn));
}
