// Colours for code. A file of its own, fetched when the first code is shown.

import type {ElementContent} from 'hast';
import bash from 'highlight.js/lib/languages/bash';
import c from 'highlight.js/lib/languages/c';
import cpp from 'highlight.js/lib/languages/cpp';
import css from 'highlight.js/lib/languages/css';
import go from 'highlight.js/lib/languages/go';
import java from 'highlight.js/lib/languages/java';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import markdown from 'highlight.js/lib/languages/markdown';
import python from 'highlight.js/lib/languages/python';
import rust from 'highlight.js/lib/languages/rust';
import sql from 'highlight.js/lib/languages/sql';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';
import {createLowlight} from 'lowlight';

import type {Piece} from './text/code';

const lowlight = createLowlight({bash, c, cpp, css, go, java, javascript, json, markdown, python, rust, sql, typescript, xml, yaml});

function pieceOf(node: ElementContent): Piece[] {
    if (node.type === 'text') return [node.value];
    if (node.type !== 'element') return [];
    const classes = node.properties.className;
    return [{classes: Array.isArray(classes) ? classes.join(' ') : '', pieces: node.children.flatMap(pieceOf)}];
}

/** null: a language that is not known. */
export function highlight(language: string, text: string): Piece[] | null {
    if (!lowlight.registered(language)) return null;
    return lowlight.highlight(language, text).children.flatMap((node) => node.type === 'doctype' ? [] : pieceOf(node));
}
