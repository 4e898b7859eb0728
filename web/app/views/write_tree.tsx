// The tree of a document: every piece that was written or generated, walked with the arrow keys.

import {useState} from 'preact/hooks';

import {plainText} from '../../page/text';
import {childrenOf} from '../model/thread';
import type {Conversation, Message} from '../model/types';
import {showPiece} from '../write_actions';

const kSnippet = 70;

function snippetOf({content, state}: Message): string {
    const line = content.replace(/\s+/g, ' ').trim();
    const characters = [...line];
    return plainText(characters.length > kSnippet ? `${characters.slice(0, kSnippet).join('')}…` : line) || (state === 'writing' ? '…' : '(empty)');
}

interface Row {
    message: Message;
    depth: number;
    place: number;
    size: number;
}

/** In order; pieces that have no neighbours go on at the depth of the one before. */
function rowsOf(conversation: Conversation): Row[] {
    const rows: Row[] = [];
    const visit = (parent: string | null, depth: number): void => {
        const children = childrenOf(conversation.items, parent);
        children.forEach((message, place) => {
            rows.push({message, depth, place, size: children.length});
            visit(message.id, children.length > 1 || depth === 0 ? depth + 1 : depth);
        });
    };
    visit(null, 0);
    return rows;
}

const kMostRows = 500;

export function PieceTree({conversation, shown}: {conversation: Conversation; shown: ReadonlySet<string>}) {
    const [open, setOpen] = useState(false);
    const rows = open ? rowsOf(conversation).slice(0, kMostRows) : [];
    const reachable = rows.findLast(({message}) => shown.has(message.id))?.message.id ?? rows[0]?.message.id;
    const onKeyDown = (event: KeyboardEvent): void => {
        const items = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[role=treeitem]')];
        const at = items.indexOf(document.activeElement as HTMLElement);
        const depth = (i: number): number => Number(items[i]?.getAttribute('aria-level') ?? 0);
        let to = at;
        if (event.key === 'ArrowDown') to = at + 1;
        else if (event.key === 'ArrowUp') to = at - 1;
        else if (event.key === 'Home') to = 0;
        else if (event.key === 'End') to = items.length - 1;
        else if (event.key === 'ArrowLeft') for (to = at; to > 0 && depth(to) >= depth(at);) --to;
        else if (event.key === 'ArrowRight') to = depth(at + 1) > depth(at) ? at + 1 : at;
        else if (event.key === 'Enter' || event.key === ' ') items[at]?.click();
        else return;
        event.preventDefault();
        items[to]?.focus();
    };
    return <details class="card piece-tree" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>The whole tree <small>{conversation.items.size} pieces</small></summary>
        {open ? <div role="tree" aria-label="Pieces of this text" onKeyDown={onKeyDown}>
            {rows.map(({message, depth, place, size}) => <div key={message.id} role="treeitem" aria-level={depth + 1} aria-posinset={place + 1} aria-setsize={size}
                aria-selected={shown.has(message.id)} tabIndex={message.id === reachable ? 0 : -1} class={message.answer ? 'generated' : 'typed'}
                style={{'--depth': String(Math.min(depth, 12))}} onClick={() => void showPiece(message.id)}>{snippetOf(message)}</div>)}
        </div> : null}
    </details>;
}
