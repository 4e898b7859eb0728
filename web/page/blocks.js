// The data inside a page: a JSON header and packed blocks.

export function readHeader() {
    return JSON.parse(document.getElementById('report-header').textContent);
}

function decodeBase64(text) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < bytes.length; ++i) bytes[i] = binary.charCodeAt(i);
    return bytes;
}

/** The bytes of a block, an element that holds base64(gzip(bytes)). */
export async function readBlock(id) {
    const packed = decodeBase64(document.getElementById(id).textContent);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Response(stream).arrayBuffer();
}

export async function parseBlock(id) {
    return JSON.parse(new TextDecoder().decode(await readBlock(id)));
}
