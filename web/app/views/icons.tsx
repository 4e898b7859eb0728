// Line icons of 20 by 20.

const kPaths = {
    chat: 'M4 4.5h12a1.5 1.5 0 0 1 1.5 1.5v7a1.5 1.5 0 0 1-1.5 1.5H9l-4 3v-3H4A1.5 1.5 0 0 1 2.5 13V6A1.5 1.5 0 0 1 4 4.5Z',
    compare: 'M3 4h5.5v12H3zM11.5 4H17v12h-5.5z',
    write: 'M4 16l.8-3.5L13.5 3.8a1.4 1.4 0 0 1 2 0l.7.7a1.4 1.4 0 0 1 0 2L7.500 15.200 4 16Zm8-10.700 2.700 2.700',
    workshop: 'M3 5h9M3 10h5M3 15h9M15 3v4M13 5h4M11 8v4M9 10h8M15 13v4M13 15h4',
    menu: 'M3 5.500h14M3 10h14M3 14.500h14',
    close: 'M5 5l10 10M15 5 5 15',
    more: 'M4.500 10h.01M10 10h.01M15.500 10h.01',
    copy: 'M7 7h9.500v9.500H7zM13 7V3.500H3.500V13H7',
    check: 'M4 10.500 8 14.500 16 6',
    again: 'M16 10a6 6 0 1 1-1.800-4.300M16.200 3v3.300h-3.300',
    edit: 'M4 16l.8-3.500L13.500 3.800l2.700 2.700L7.500 15.200 4 16Z',
    bin: 'M4 5.500h12M8 5.500V3.500h4v2M5.500 5.500 6.300 16.500h7.400l.8-11M8.500 8.500v5M11.500 8.500v5',
    back: 'M12 4.500 6.500 10 12 15.500',
    forth: 'M8 4.500 13.500 10 8 15.500',
    exact: 'M7.500 5 3 10l4.500 5M12.500 5 17 10l-4.500 5',
    send: 'M10 16V4.500M5 9l5-5 5 5',
    stop: 'M6 6h8v8H6z',
    plus: 'M10 4v12M4 10h12',
    search: 'M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12ZM13.500 13.500 17 17',
    settings: 'M3 6h7M14 6h3M3 14h3M10 14h7M12 4v4M8 12v4',
    up: 'M10 16V5M5 9.500 10 4.500l5 5',
    down: 'M10 4v11M5 10.500l5 5 5-5',
    undo: 'M7 4 3.500 7.500 7 11M4 7.500h7.500a4.500 4.500 0 0 1 0 9H8',
    redo: 'M13 4l3.500 3.500L13 11M16 7.500H8.500a4.500 4.500 0 0 0 0 9H12',
    keys: 'M2.500 5h15v10h-15zM5 8h.01M8 8h.01M11 8h.01M14.500 8h.01M5 11.500h.01M8 12h5M15 11.500h.01',
    theme: 'M10 3a7 7 0 1 0 0 14ZM10 3a7 7 0 0 1 0 14',
    save: 'M10 3v9M6 8.500l4 4 4-4M3.500 16.500h13',
    open: 'M10 13V4M6 7.500l4-4 4 4M3.500 16.500h13',
    branch: 'M6 4v12M6 12c0-4 8-2 8-6M14 6V4M6 4h.01M14 4h.01M6 16h.01',
} as const;

export type IconName = keyof typeof kPaths;

export function Icon({name}: {name: IconName}) {
    return <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false"><path d={kPaths[name]} /></svg>;
}
