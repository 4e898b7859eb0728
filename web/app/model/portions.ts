// A file of conversations in portions that the server takes: it reads 32 MiB at once and exports 256.

type Json = Record<string, unknown>;

/** What is sent in one request, and which of the file's conversations that are, counted from 0. */
export interface Portion {
    text: string;
    first: number;
    count: number;
}

export interface Portions {
    portions: Portion[];
    /** Those that alone are more than a request may hold: by title, in bytes. */
    tooLarge: {title: string; bytes: number}[];
}

const encoder = new TextEncoder();

/** `most`: bytes of a request. Throws where the text is no JSON. */
export function portionsOf(text: string, most: number): Portions {
    const file = JSON.parse(text) as Json;
    const list = file.conversations;
    // Whatever is wrong with it, the server says so.
    if (!Array.isArray(list) || text.length * 3 <= most) return {portions: [{text, first: 0, count: Array.isArray(list) ? list.length : 0}], tooLarge: []};
    const {conversations: _, ...head} = file;
    const begin = `${JSON.stringify({...head, conversations: []}).slice(0, -2)}`;
    const result: Portions = {portions: [], tooLarge: []};
    const room = most - encoder.encode(begin).length - 2;
    let waiting: string[] = [];
    let bytes = 0;
    let first = 0;
    const close = (next: number): void => {
        if (waiting.length) result.portions.push({text: `${begin}${waiting.join(',')}]}`, first, count: waiting.length});
        waiting = [];
        bytes = 0;
        first = next;
    };
    list.forEach((conversation: Json | null, i) => {
        const one = JSON.stringify(conversation);
        const size = encoder.encode(one).length + 1;
        if (size > room) {
            close(i + 1);
            result.tooLarge.push({title: String(conversation?.title || 'Untitled'), bytes: size});
            return;
        }
        if (bytes + size > room) close(i);
        waiting.push(one);
        bytes += size;
    });
    close(list.length);
    return result;
}
