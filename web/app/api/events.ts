// Events of a stream (text/event-stream): what stands behind `data:`, one after the other.

/** Ends with the stream; throws what reading throws. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let rest = '';
    try {
        for (;;) {
            const {done, value} = await reader.read();
            rest += done ? decoder.decode() : decoder.decode(value, {stream: true});
            let end;
            while ((end = rest.search(/\r?\n\r?\n/)) >= 0) {
                const event = dataOf(rest.slice(0, end));
                rest = rest.slice(end).replace(/^\r?\n\r?\n/, '');
                if (event !== null) yield event;
            }
            if (done) return;
        }
    } finally {
        reader.releaseLock();
    }
}

function dataOf(event: string): string | null {
    const lines = event.split(/\r?\n/).filter((line) => line.startsWith('data:')).map((line) => line.slice(5).replace(/^ /, ''));
    return lines.length ? lines.join('\n') : null;
}
