// Markdown drawn as elements. Raw HTML stays text, images are links, addresses other than http(s) and mailto are text.

import {Component, type ComponentChild} from 'preact';
import {useMemo, useRef} from 'preact/hooks';
import type {MarkedToken, Token, Tokens} from 'marked';

import {plainText} from '../../page/text';
import {type Block, BlockReader} from './blocks';
import {CodeBlock} from './code';

const kMostDepth = 24;

/** The address if it is one that may be opened. */
function safeAddress(href: string): URL | null {
    if (!/^(https?:\/\/|mailto:)/i.test(href)) return null;
    try {
        const url = new URL(href);
        return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url : null;
    } catch {
        return null;
    }
}

function Link({token, children}: {token: Tokens.Link | Tokens.Image; children: ComponentChild}) {
    const url = safeAddress(token.href);
    if (!url) return <>{plainText(token.raw)}</>;
    const target = url.protocol === 'mailto:' ? url.pathname : url.host;
    const says = token.type === 'link' && plainText(token.text).includes(target);
    return <a href={url.href} target="_blank" rel="noopener noreferrer nofollow" title={plainText(url.href)}>
        {children}{says ? null : <small class="target"> ({plainText(target)})</small>}
    </a>;
}

function inline(tokens: readonly Token[] | undefined, depth: number): ComponentChild[] {
    return (tokens ?? []).map((token) => inlineOne(token, depth));
}

function inlineOne(any: Token, depth: number): ComponentChild {
    if (depth > kMostDepth) return plainText(any.raw);
    const token = any as MarkedToken;
    switch (token.type) {
        case 'text': return token.tokens ? inline(token.tokens, depth + 1) : plainText(token.text);
        case 'escape': return plainText(token.text);
        case 'strong': return <strong>{inline(token.tokens, depth + 1)}</strong>;
        case 'em': return <em>{inline(token.tokens, depth + 1)}</em>;
        case 'del': return <del>{inline(token.tokens, depth + 1)}</del>;
        case 'codespan': return <code>{plainText(token.text)}</code>;
        case 'br': return <br />;
        case 'link': return <Link token={token}>{inline(token.tokens, depth + 1)}</Link>;
        case 'image': return <Link token={token}>{`image: ${plainText(token.text) || 'without a description'}`}</Link>;
        case 'checkbox': return token.checked ? '☑ ' : '☐ ';
        default: return plainText(any.raw);
    }
}

function ListBlock({token, depth, settled}: {token: Tokens.List; depth: number; settled: boolean}) {
    const items = token.items.map((item) => <li>{blocks(item.tokens, depth + 1, settled)}</li>);
    return token.ordered ? <ol start={Number(token.start) || 0}>{items}</ol> : <ul>{items}</ul>;
}

function TableBlock({token, depth}: {token: Tokens.Table; depth: number}) {
    const row = (cells: Tokens.TableCell[], Cell: 'th' | 'td'): ComponentChild =>
        <tr>{cells.map((cell) => <Cell class={cell.align ?? undefined}>{inline(cell.tokens, depth + 1)}</Cell>)}</tr>;
    return <div class="wide" tabIndex={0} role="group" aria-label="Table">
        <table><thead>{row(token.header, 'th')}</thead><tbody>{token.rows.map((cells) => row(cells, 'td'))}</tbody></table>
    </div>;
}

function blocks(tokens: readonly Token[], depth: number, settled: boolean): ComponentChild[] {
    return tokens.map((token) => block(token, depth, settled));
}

function block(any: Token, depth: number, settled: boolean): ComponentChild {
    if (depth > kMostDepth) return plainText(any.raw);
    const token = any as MarkedToken;
    switch (token.type) {
        case 'space': case 'def': return null;
        case 'hr': return <hr />;
        // All stand right below the page's own heading: models skip levels.
        case 'heading': return <p class={`heading h${token.depth}`} role="heading" aria-level={2}>{inline(token.tokens, depth + 1)}</p>;
        case 'paragraph': return <p>{inline(token.tokens, depth + 1)}</p>;
        case 'code': return <CodeBlock text={token.text} language={token.lang ?? ''} settled={settled} />;
        case 'blockquote': return <blockquote>{blocks(token.tokens, depth + 1, settled)}</blockquote>;
        case 'list': return <ListBlock token={token} depth={depth} settled={settled} />;
        case 'table': return <TableBlock token={token} depth={depth} />;
        case 'html': return <p class="plain">{plainText(token.raw.replace(/\n+$/, ''))}</p>;
        case 'text': return <>{inlineOne(token, depth)}</>;
        case 'checkbox': return inlineOne(token, depth);
        default: return <p class="plain">{plainText(any.raw)}</p>;
    }
}

/** Drawn again only when its text has changed. */
class BlockView extends Component<Block> {
    override shouldComponentUpdate(next: Block): boolean {
        return next.token.raw !== this.props.token.raw || next.settled !== this.props.settled;
    }

    override render({token, settled}: Block) {
        return block(token, 0, settled);
    }
}

const kManyBlocks = 60;
const kPart = 24;  // blocks

/** Some blocks of a long text, which the browser lays out only where they are seen: one by one they would cost it more. */
class Part extends Component<{all: readonly Block[]}> {
    override shouldComponentUpdate({all}: {all: readonly Block[]}): boolean {
        const {all: old} = this.props;
        return all.length !== old.length || all.some(({token, settled}, i) => token !== old[i]!.token || settled !== old[i]!.settled);
    }

    override render({all}: {all: readonly Block[]}) {
        return <div class="text-part">{all.map((one) => <BlockView {...one} key={one.key} />)}</div>;
    }
}

export function Markdown({text, grows = false}: {text: string; grows?: boolean}) {
    const reader = useRef<BlockReader | null>(null);
    reader.current ??= new BlockReader();
    const read = useMemo(() => reader.current!.read(text, grows), [text, grows]);
    const parts = Array.from({length: read.length > kManyBlocks ? Math.ceil(read.length / kPart) : 0}, (_, i) => read.slice(kPart * i, kPart * (i + 1)));
    return <div class="markdown" dir="auto">
        {parts.length ? parts.map((all, i) => <Part all={all} key={`part ${i}`} />) : read.map((one) => <BlockView {...one} key={one.key} />)}
    </div>;
}
