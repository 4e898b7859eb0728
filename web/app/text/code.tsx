// A block of code: its language, a button that copies it, and colours when they have been fetched.

import type {ComponentChild} from 'preact';
import {useEffect, useState} from 'preact/hooks';

import {plainText} from '../../page/text';
import {CopyButton} from '../views/parts';

export type Piece = string | {classes: string; pieces: Piece[]};

interface Highlighter {
    highlight(language: string, text: string): Piece[] | null;
}

const kMostCharacters = 40000;  // beyond it colours take too long
let highlighter: Promise<Highlighter> | null = null;

/** Fetched when the first code is shown. */
function getHighlighter(): Promise<Highlighter> {
    const address = './highlight.js';
    highlighter ??= import(address) as Promise<Highlighter>;
    return highlighter;
}

function draw(piece: Piece): ComponentChild {
    return typeof piece === 'string' ? plainText(piece) : <span class={piece.classes}>{piece.pieces.map(draw)}</span>;
}

export function CodeBlock({text, language, settled}: {text: string; language: string; settled: boolean}) {
    const name = language.trim().split(/[\s{,]/)[0]!.toLowerCase();
    const [pieces, setPieces] = useState<Piece[] | null>(null);
    useEffect(() => {
        if (!settled || !name || text.length > kMostCharacters) return;
        let wanted = true;
        getHighlighter().then((loaded) => { if (wanted) setPieces(loaded.highlight(name, text)); }, () => { highlighter = null; });
        return () => { wanted = false; };
    }, [text, name, settled]);
    return <figure class="code">
        <figcaption><span>{plainText(name.slice(0, 40)) || 'code'}</span><CopyButton text={text} what="code" /></figcaption>
        <pre tabIndex={0} aria-label={`Code${name ? `, ${plainText(name.slice(0, 40))}` : ''}`}><code>{settled && pieces ? pieces.map(draw) : plainText(text)}</code></pre>
    </figure>;
}
