// The colours of runs. They never carry a difference alone: lines also differ in their dashes, marks in their shape.

export type Theme = 'light' | 'dark';

export const kRunColours: Record<Theme, readonly string[]> = {
    light: ['#0b6e8a', '#8a4fb0', '#6b6b00', '#b0457a', '#3d5a80', '#5c4033'],
    dark: ['#4cc2de', '#c79ae6', '#c8c84a', '#f08cb8', '#9cb8dd', '#c9a58a'],
};
export const kDashes: readonly (readonly number[])[] = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [10, 4], [3, 5]];

export function runColour(theme: Theme, index: number): string {
    return kRunColours[theme][index % kRunColours[theme].length];
}

export function runDash(index: number): readonly number[] {
    return kDashes[index % kDashes.length];
}

/** A colour of the page's theme by its name in page.css. */
export function colour(name: string): string {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
