// Small things that every view uses.

import type {ButtonHTMLAttributes, ComponentChildren, TextareaHTMLAttributes} from 'preact';
import {useEffect, useLayoutEffect, useRef, useState} from 'preact/hooks';

import {Icon, type IconName} from './icons';

interface IconButtonProps {
    icon: IconName;
    label: string;
    onClick(event: MouseEvent): void;
    disabled?: boolean;
    pressed?: boolean;
    class?: string;
    keys?: string;
    shows?: boolean;      // the label too
    attributes?: ButtonHTMLAttributes<HTMLButtonElement>;
}

export function IconButton({icon, label, onClick, disabled = false, pressed, keys, shows = false, attributes = {}, ...more}: IconButtonProps) {
    return <button type="button" class={`icon-button ${more.class ?? ''}`} title={keys ? `${label} (${keys})` : shows ? undefined : label}
        aria-label={shows ? undefined : label} aria-pressed={pressed} disabled={disabled} onClick={onClick} {...attributes}>
        <Icon name={icon} />{shows ? <span>{label}</span> : null}
    </button>;
}

const kCopiedMs = 1600;

async function copyText(text: string): Promise<void> {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const field = document.createElement('textarea');
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
}

export function CopyButton({text, what}: {text: string; what: string}) {
    const [copied, setCopied] = useState(false);
    const timer = useRef(0);
    const copy = (): void => {
        void copyText(text).then(() => {
            setCopied(true);
            clearTimeout(timer.current);
            timer.current = window.setTimeout(() => setCopied(false), kCopiedMs);
        }, () => undefined);
    };
    return <IconButton icon={copied ? 'check' : 'copy'} label={copied ? 'Copied' : `Copy ${what}`} onClick={copy} />;
}

interface MenuItem {
    label: string;
    icon?: IconName;
    danger?: boolean;
    run(): void;
}

/** A button that opens a list of things to do. */
export function Menu({label, icon = 'more', items}: {label: string; icon?: IconName; items: (MenuItem | null)[]}) {
    const [open, setOpen] = useState(false);
    const root = useRef<HTMLDivElement>(null);
    useEffect(() => {
        if (!open) return;
        root.current?.querySelector<HTMLElement>('[role=menuitem]')?.focus();
        const outside = (event: Event): void => {
            if (!root.current?.contains(event.target as Node)) setOpen(false);
        };
        addEventListener('pointerdown', outside);
        return () => removeEventListener('pointerdown', outside);
    }, [open]);
    const close = (): void => {
        setOpen(false);
        root.current?.querySelector('button')?.focus();
    };
    const onKeyDown = (event: KeyboardEvent): void => {
        const entries = [...root.current!.querySelectorAll<HTMLElement>('[role=menuitem]')];
        const at = entries.indexOf(document.activeElement as HTMLElement);
        if (event.key === 'Escape') close();
        else if (event.key === 'ArrowDown') entries[(at + 1) % entries.length]?.focus();
        else if (event.key === 'ArrowUp') entries[(at - 1 + entries.length) % entries.length]?.focus();
        else if (event.key === 'Tab') setOpen(false);
        else return;
        if (event.key === 'Tab') return;
        event.preventDefault();
        event.stopPropagation();
    };
    return <div class="menu" ref={root} onKeyDown={open ? onKeyDown : undefined}>
        <IconButton icon={icon} label={label} onClick={() => setOpen(!open)} attributes={{'aria-haspopup': 'menu', 'aria-expanded': open}} />
        {open ? <div role="menu" aria-label={label} class="menu-list">
            {items.map((item) => item ? <button type="button" role="menuitem" tabIndex={-1} class={item.danger ? 'danger' : ''}
                onClick={() => { close(); item.run(); }}>{item.icon ? <Icon name={item.icon} /> : null}{item.label}</button> : null)}
        </div> : null}
    </div>;
}

/** A window of its own over the page; Escape and a click beside it close it. */
export function Modal({title, onClose, children, wide = false}: {title: string; onClose(): void; children: ComponentChildren; wide?: boolean}) {
    const dialog = useRef<HTMLDialogElement>(null);
    useLayoutEffect(() => {
        const before = document.activeElement as HTMLElement | null;
        dialog.current?.showModal();
        return () => before?.focus();
    }, []);
    return <dialog ref={dialog} class={wide ? 'wide-dialog' : ''} aria-labelledby="dialog-title" onClose={onClose}
        onClick={(event) => { if (event.target === dialog.current) onClose(); }}>
        <div class="dialog-body">
            <header><h2 id="dialog-title">{title}</h2><IconButton icon="close" label="Close" onClick={onClose} /></header>
            {children}
        </div>
    </dialog>;
}

interface AreaProps extends Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, 'value' | 'onInput' | 'label'> {
    value: string;
    onText(text: string): void;
    label?: string;
    area?: {current: HTMLTextAreaElement | null};
}

/** A field that is as high as its text. */
export function Area({value, onText, label, area, ...more}: AreaProps) {
    const own = useRef<HTMLTextAreaElement>(null);
    return <div class="area">
        <div class="area-height" aria-hidden="true">{`${value}\n`}</div>
        <textarea rows={1} {...more} aria-label={label} value={value} ref={(element: HTMLTextAreaElement | null) => {
            own.current = element;
            if (area) area.current = element;
        }} onInput={(event) => onText(event.currentTarget.value)} />
    </div>;
}

export function Segments<Value extends string>({label, value, options, onChange}:
    {label: string; value: Value; options: readonly (readonly [Value, string, string?])[]; onChange(value: Value): void}) {
    return <div class="segments" role="group" aria-label={label}>
        {options.map(([name, title, hint]) => <button type="button" aria-pressed={name === value} title={hint} onClick={() => onChange(name)}>{title}</button>)}
    </div>;
}

export function formatMs(ms: number): string {
    return ms < 1000 ? `${(ms / 1000).toFixed(2)} s` : ms < 60000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60000)} min ${Math.round(ms % 60000 / 1000)} s`;
}

export function formatWhen(ms: number, now = Date.now()): string {
    const date = new Date(ms);
    if (now - ms < 20 * 3600e3) return [date.getHours(), date.getMinutes()].map((part) => String(part).padStart(2, '0')).join(':');
    return date.toLocaleDateString([], now - ms < 300 * 86400e3 ? {day: 'numeric', month: 'short'} : {day: 'numeric', month: 'short', year: 'numeric'});
}
