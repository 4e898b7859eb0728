// The data inside a page: a JSON header and packed blocks.

function textOf(id: string): string {
    const element = document.getElementById(id);
    if (!element) throw new Error(`The page has no block "${id}"`);
    return element.textContent ?? '';
}

/** The content of a JSON element; `T` is what the writer of the page promises. */
export function readJson<T>(id: string): T {
    return JSON.parse(textOf(id)) as T;
}

function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
    const modern = (Uint8Array as {fromBase64?: (text: string) => Uint8Array<ArrayBuffer>}).fromBase64;
    if (modern) return modern.call(Uint8Array, text);
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < bytes.length; ++i) bytes[i] = binary.charCodeAt(i);
    return bytes;
}

/** Resolves once the whole file is read: blocks may stand behind the script. */
export function fileIsRead(): Promise<void> {
    if (document.readyState !== 'loading') return Promise.resolve();
    return new Promise((resolve) => document.addEventListener('DOMContentLoaded', () => resolve(), {once: true}));
}

/** The bytes of a block, an element that holds base64(gzip(bytes)). */
export async function readBlock(id: string): Promise<ArrayBuffer> {
    const stream = new Blob([decodeBase64(textOf(id))]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Response(stream).arrayBuffer();
}

export async function parseBlock<T>(id: string): Promise<T> {
    return JSON.parse(new TextDecoder().decode(await readBlock(id))) as T;
}
