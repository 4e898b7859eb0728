// Builds what CMake embeds: dist/report.js and dist/judged.js (the pages of shift and of judged runs), dist/app.* and
// dist/highlight.js (the page of the server, and its colours for code), and THIRD_PARTY.md (the libraries' licences). With
// --check nothing is written and a difference ends with status 1.

import {readdir, readFile, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {gzipSync} from 'node:zlib';

// Missing packages skip the check (CTest's status 77) and stop a build.
const {build} = await import('esbuild').catch(() => {
    console.error('skipped: esbuild is not installed; type `npm ci` in web/');
    process.exit(process.argv.includes('--check') && !process.env.URIAL_REQUIRE_BROWSER ? 77 : 1);
});

const root = path.dirname(fileURLToPath(import.meta.url));
const check = process.argv.includes('--check');
const options = {
    bundle: true, write: false, metafile: true, format: 'iife', target: 'es2022', charset: 'utf8',
    absWorkingDir: root, legalComments: 'none', logLevel: 'warning',
};

async function bundle(entry) {
    const result = await build({...options, entryPoints: [entry]});
    const text = result.outputFiles[0].text;
    // Inside <script> these would change how a browser reads what follows.
    for (const forbidden of ['</script', '<script', '<!--']) {
        if (text.toLowerCase().includes(forbidden)) throw new Error(`${entry}: the bundle contains ${forbidden}`);
    }
    return {text, inputs: Object.keys(result.metafile.inputs)};
}

/** A file of the page of the server, which is no part of a document: it may hold any text. */
async function served(entry) {
    const result = await build({...options, format: 'esm', minify: true, entryPoints: [entry]});
    return {text: result.outputFiles[0].text, inputs: Object.keys(result.metafile.inputs)};
}

const kMostPageBytes = 150 * 1024;  // compressed, without the colours for code

function checkSize(...files) {
    const bytes = files.reduce((sum, text) => sum + gzipSync(text).length, 0);
    if (bytes > kMostPageBytes) throw new Error(`the page of the server has ${bytes} bytes compressed: at most ${kMostPageBytes} are wanted`);
}

/** "node_modules/a/node_modules/@b/c/x.js" -> "node_modules/a/node_modules/@b/c" */
function packageFolder(input) {
    const parts = input.split('/');
    const at = parts.lastIndexOf('node_modules');
    if (at < 0) return null;
    return parts.slice(0, at + (parts[at + 1].startsWith('@') ? 3 : 2)).join('/');
}

async function licenceOf(folder) {
    const about = JSON.parse(await readFile(path.join(root, folder, 'package.json'), 'utf8'));
    const file = (await readdir(path.join(root, folder))).find((name) => /^licen[sc]e/i.test(name));
    if (!file) throw new Error(`${folder}: no licence file; find its text before shipping it`);
    return {name: `${about.name} ${about.version}`, kind: about.license,
            text: (await readFile(path.join(root, folder, file), 'utf8')).replace(/\r\n/g, '\n').trim()};
}

async function thirdParty(inputs) {
    const folders = [...new Set(inputs.map(packageFolder).filter(Boolean))].sort();
    const byText = new Map();
    for (const licence of await Promise.all(folders.map(licenceOf))) {
        const same = byText.get(licence.text) ?? {...licence, names: []};
        same.names.push(licence.name);
        byText.set(licence.text, same);
    }
    let text = '# Third-party code in the pages\n\n' +
        'These libraries are compiled into `dist/app.js` and `dist/highlight.js`, the page of `urial serve`. Written by `build.mjs`.\n';
    for (const {names, kind, text: licence} of byText.values()) {
        text += `\n## ${names.join(', ')} (${kind})\n\n${licence.replace(/^/gm, '    ').replace(/ +$/gm, '')}\n`;
    }
    return text;
}

const report = await bundle('report/main.ts');
const judged = await bundle('judged/main.ts');
for (const {inputs} of [report, judged]) {
    if (inputs.some(packageFolder)) throw new Error('a library in a report: its licence would be missing');
}
const app = await served('app/main.tsx');
const style = await served('app/app.css');
const highlight = await served('app/highlight.ts');
const page = await readFile(path.join(root, 'app/app.html'), 'utf8');
checkSize(page, app.text, style.text);
const outputs = {
    'dist/report.js': report.text,
    'dist/judged.js': judged.text,
    'dist/app.html': page,
    'dist/app.js': app.text,
    'dist/app.css': style.text,
    'dist/highlight.js': highlight.text,
    'THIRD_PARTY.md': await thirdParty([...app.inputs, ...highlight.inputs]),
};

let stale = 0;
for (const [name, text] of Object.entries(outputs)) {
    const file = path.join(root, name);
    if (!check) {
        await writeFile(file, text);
    } else if (await readFile(file, 'utf8').catch(() => '') !== text) {
        console.error(`web/${name} is not what its sources give: run "make web"`);
        stale = 1;
    }
}
process.exit(stale);
