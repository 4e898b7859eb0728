// The colours of runs. They never carry a difference alone: lines also differ in their dashes, marks in their shape.

export const kRunColours = {
    light: ['#0b6e8a', '#8a4fb0', '#6b6b00', '#b0457a', '#3d5a80', '#5c4033'],
    dark: ['#4cc2de', '#c79ae6', '#c8c84a', '#f08cb8', '#9cb8dd', '#c9a58a'],
};
export const kDashes = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [10, 4], [3, 5]];

/** A colour of the page's theme by its name in page.css. */
export function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
