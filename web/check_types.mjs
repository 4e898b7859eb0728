// Checks the types of everything under web/: tsc without output. Exit status 77 (skipped) where TypeScript is not installed.

import {spawnSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const root = path.dirname(fileURLToPath(import.meta.url));
const compiler = path.join(root, 'node_modules/typescript/bin/tsc');
if (!existsSync(compiler)) {
    console.error('skipped: TypeScript is not installed; type `npm ci` in web/');
    process.exit(process.env.URIAL_REQUIRE_BROWSER ? 1 : 77);
}
process.exit(spawnSync(process.execPath, [compiler, '-p', root], {stdio: 'inherit'}).status ?? 1);
