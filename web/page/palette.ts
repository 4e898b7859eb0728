// The colours of runs: apart in lightness as well as in hue, for every kind of colour vision and on grey paper
// (tests/report/colour_vision.mjs). They never carry a difference alone: lines differ in their dashes, marks in their
// shape, bars in their pattern.

export type Theme = 'light' | 'dark';

export const kRunColours: Record<Theme, readonly string[]> = {
    light: ['#0a6466', '#aa67c0', '#393600', '#be424a', '#054299', '#e57159'],
    dark: ['#0bd0d5', '#a573d0', '#eee679', '#f775a8', '#95d7ff', '#a46b14'],
};
export const kDashes: readonly (readonly number[])[] = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [10, 4], [3, 5]];

export function runColour(theme: Theme, index: number): string {
    return kRunColours[theme][index % kRunColours[theme].length];
}

/** Of the second cues (dashes, marks, patterns), of which there are six too: runs that share a colour have different ones. */
export function cueOf(index: number): number {
    return (index + Math.floor(index / 6)) % 6;
}

export function runDash(index: number): readonly number[] {
    return kDashes[cueOf(index)];
}

/** A colour of the page's theme by its name in page.css. */
export function colour(name: string): string {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
