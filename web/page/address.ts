// What stands behind "#" in the address of a page: "answers/600/5?tag=math": a view, what is opened in it, its filters.

export interface Place {
    parts: string[];
    filters: URLSearchParams;
}

export function placeOf(parts: readonly (string | number)[] = [], filters: Record<string, string> = {}): Place {
    return {parts: parts.map(String), filters: new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== ''))};
}

/** Null where a part is not well encoded. */
function decoded(part: string): string | null {
    try {
        return decodeURIComponent(part);
    } catch {
        return null;
    }
}

/** The view's name and the place in it. Parts that cannot be read are left out. */
export function readAddress(hash: string): {name: string; place: Place} {
    const text = hash.replace(/^#/, '');
    const question = text.indexOf('?');
    const [name = '', ...parts] = (question < 0 ? text : text.slice(0, question)).split('/').map(decoded).filter((part) => part !== null);
    return {name, place: {parts: parts.filter((part) => part !== ''), filters: new URLSearchParams(question < 0 ? '' : text.slice(question + 1))}};
}

export function writeAddress(name: string, {parts, filters}: Place): string {
    const query = filters.toString();
    return `#${[name, ...parts].map(encodeURIComponent).join('/')}${query ? `?${query}` : ''}`;
}
