// Saving what a page has drawn.

import {h} from './dom';
import {colour} from './palette';

const kPngScale = 2;

export function download(name: string, content: Blob): void {
    const address = URL.createObjectURL(content);
    h('a', {href: address, download: name}).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** The picture as the text of a file, on the page's own background. */
export function svgText(picture: SVGSVGElement): string {
    const {width, height} = picture.viewBox.baseVal;
    const copy = picture.cloneNode(true) as SVGSVGElement;
    copy.setAttribute('width', String(width));
    copy.setAttribute('height', String(height));
    copy.style.background = colour('surface');
    return new XMLSerializer().serializeToString(copy);
}

/** The picture in twice its size. */
export async function pngOf(picture: SVGSVGElement): Promise<Blob> {
    const {width, height} = picture.viewBox.baseVal;
    const image = new Image(kPngScale * width, kPngScale * height);
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgText(picture))}`;
    await image.decode();
    const canvas = h('canvas', {width: kPngScale * width, height: kPngScale * height});
    const context = canvas.getContext('2d')!;
    context.fillStyle = colour('surface');
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve, reject) => canvas.toBlob((blob) => blob ? resolve(blob) : reject(new Error('The picture is too large')), 'image/png'));
}
